//! The one line on stdout that says that a cloud is ready. Programs wait for it and read the endpoint from it.

use std::time::Duration;

/// `ready http://127.0.0.1:4566 in 23 ms`.
pub fn write(endpoint: &str, took: Duration) -> String {
    format!("ready {endpoint} in {} ms", took.as_millis())
}

/// The endpoint in a ready line.
pub fn endpoint(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    (words.next() == Some("ready")).then(|| words.next()).flatten().filter(|word| word.starts_with("http://"))
}

#[cfg(test)]
mod tests {
    use super::{endpoint, write};
    use std::time::Duration;

    #[test]
    fn what_was_written_is_read() {
        let line = write("http://127.0.0.1:4566", Duration::from_micros(23_900));
        assert_eq!(line, "ready http://127.0.0.1:4566 in 23 ms");
        assert_eq!(endpoint(&line), Some("http://127.0.0.1:4566"));
        assert_eq!(
            (endpoint(""), endpoint("ready"), endpoint("ready or not"), endpoint("x http://y")),
            (None, None, None, None)
        );
    }
}
