//! Texts that nearly every request brings again: its client's name for the cloud, its program's name for itself, its key.
//! They are shared instead of copied; the last thousands of requests are remembered with theirs.

use std::cell::RefCell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

/// How many texts a thread remembers.
const PLACES: usize = 64;
/// Longer ones are rare, and are copied.
const TEXT_BYTES_MAX: usize = 512;

thread_local! {
    static KNOWN: RefCell<[Option<Arc<str>>; PLACES]> = const { RefCell::new([const { None }; PLACES]) };
}

/// The text, shared with those who asked for the same one not long ago.
pub fn shared(text: &str) -> Arc<str> {
    if text.len() > TEXT_BYTES_MAX {
        return text.into();
    }
    let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(text);
    KNOWN.with_borrow_mut(|known| {
        let Some(place) = known.get_mut(hash as usize % PLACES) else { return text.into() };
        match place {
            Some(known) if **known == *text => known.clone(),
            _ => place.insert(text.into()).clone(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{TEXT_BYTES_MAX, shared};
    use std::sync::Arc;

    #[test]
    fn the_same_text_is_shared_and_another_one_is_itself() {
        let first = shared("http://127.0.0.1:4566");
        assert!(Arc::ptr_eq(&first, &shared("http://127.0.0.1:4566")));
        for number in 0..1_000 {
            let text = number.to_string();
            assert_eq!(*shared(&text), text);
        }
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        assert!(*shared(&long) == long && !Arc::ptr_eq(&shared(&long), &shared(&long)));
        assert_eq!(*shared(""), *"");
    }
}
