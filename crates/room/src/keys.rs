//! Condition keys as a need carries them.

use std::fmt::{self, Write};

/// Condition keys with their values, in the order in which they were put. The texts of all of them lie in one piece of
/// memory: nearly every request has some, and the last thousands of requests are remembered with theirs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    texts: String,
    marks: Vec<Mark>,
}

/// Where a text ends. It begins where the one before it ended.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    end: usize,
    is_name: bool,
}

impl Keys {
    /// No keys.
    pub fn new() -> Keys {
        Keys::default()
    }

    /// No keys yet, with room for `keys` of common lengths.
    pub fn with_capacity(keys: usize) -> Keys {
        Keys { texts: String::with_capacity(keys * 48), marks: Vec::with_capacity(keys * 2) }
    }

    /// Adds a key with one value.
    pub fn put(&mut self, name: &str, value: &str) {
        self.put_all(name, [value]);
    }

    /// Adds the key `service:name` with one value.
    pub fn put_of(&mut self, service: &str, name: &str, value: &str) {
        self.texts.push_str(service);
        self.texts.push(':');
        self.put(name, value);
    }

    /// Adds a key with one value, as it shows itself.
    pub fn put_shown(&mut self, name: &str, value: impl fmt::Display) {
        self.mark(name, true);
        // Nothing fails to be written into memory.
        let _ = write!(self.texts, "{value}");
        self.marks.push(Mark { end: self.texts.len(), is_name: false });
    }

    /// Adds a key with all of its values; none is one that the request has with nothing in it.
    pub fn put_all(&mut self, name: &str, values: impl IntoIterator<Item = impl AsRef<str>>) {
        self.mark(name, true);
        for value in values {
            self.mark(value.as_ref(), false);
        }
    }

    /// Adds all keys of `others`.
    pub fn append(&mut self, others: &Keys) {
        let behind = self.texts.len();
        self.texts.push_str(&others.texts);
        self.marks.extend(others.marks.iter().map(|mark| Mark { end: mark.end + behind, ..*mark }));
    }

    fn mark(&mut self, text: &str, is_name: bool) {
        self.texts.push_str(text);
        self.marks.push(Mark { end: self.texts.len(), is_name });
    }

    /// Each key with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, impl ExactSizeIterator<Item = &str> + Clone)> {
        let mut at = 0;
        self.marks.chunk_by(|_, next| !next.is_name).map(move |marks| {
            let mut texts = texts(&self.texts, at, marks);
            at = marks.last().map_or(at, |mark| mark.end);
            (texts.next().unwrap_or_default(), texts)
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// The bytes of all names and values.
    pub fn weight_bytes(&self) -> usize {
        self.texts.len()
    }
}

/// The texts that end at these marks; the first begins at `at`.
fn texts<'k>(
    all: &'k str,
    mut at: usize,
    marks: &'k [Mark],
) -> impl ExactSizeIterator<Item = &'k str> + Clone {
    marks.iter().map(move |mark| {
        let text = all.get(at..mark.end).unwrap_or_default();
        at = mark.end;
        text
    })
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, values)| (name, values.collect::<Vec<_>>()))).finish()
    }
}

impl<N: AsRef<str>, V: AsRef<[String]>> Extend<(N, V)> for Keys {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, keys: I) {
        for (name, values) in keys {
            self.put_all(name.as_ref(), values.as_ref());
        }
    }
}

impl<N: AsRef<str>, V: AsRef<[String]>> FromIterator<(N, V)> for Keys {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(keys: I) -> Keys {
        let mut all = Keys::new();
        all.extend(keys);
        all
    }
}

impl From<&[(String, Vec<String>)]> for Keys {
    fn from(keys: &[(String, Vec<String>)]) -> Keys {
        keys.iter().map(|(name, values)| (name, values)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn keys_come_back_as_they_were_put() {
        let mut keys = Keys::with_capacity(1);
        assert!(keys.is_empty() && keys.iter().next().is_none());
        keys.put("s3:prefix", "");
        keys.put_of("s3", "authType", "POST");
        keys.put_shown("aws:EpochTime", 7);
        keys.put_all("aws:TagKeys", ["a", "", "ü"]);
        keys.put_all("aws:Nothing", [""; 0]);
        let mut others = Keys::new();
        others.extend([("x", vec!["1".to_owned(), "2".to_owned()])]);
        keys.append(&others);
        let back: Vec<(&str, Vec<&str>)> =
            keys.iter().map(|(name, values)| (name, values.collect())).collect();
        let expected: [(&str, &[&str]); 6] = [
            ("s3:prefix", &[""]),
            ("s3:authType", &["POST"]),
            ("aws:EpochTime", &["7"]),
            ("aws:TagKeys", &["a", "", "ü"]),
            ("aws:Nothing", &[]),
            ("x", &["1", "2"]),
        ];
        assert_eq!(back, expected.map(|(name, values)| (name, values.to_vec())));
        assert_eq!(
            keys.weight_bytes(),
            "s3:prefixs3:authTypePOSTaws:EpochTime7aws:TagKeysaüaws:Nothingx12".len()
        );
    }
}
