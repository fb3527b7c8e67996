//! Words of a shell. Pure.
//!
//! Invariant: what is quoted is one word, whatever is in it.

/// One word for a shell.
pub(crate) fn quoted(text: &str) -> String {
    // A shell's words have no null; what has one comes from nobody who means well.
    format!("'{}'", text.replace('\0', "").replace('\'', "'\\''"))
}

/// Several.
pub(crate) fn words<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    all.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{quoted, words};

    #[test]
    fn words_stay_words() {
        assert_eq!(quoted("it's $HOME; `x`"), "'it'\\''s $HOME; `x`'");
        assert_eq!(words(["a b", ""]), "'a b' ''");
        assert_eq!(quoted("a\0b"), "'ab'");
    }
}
