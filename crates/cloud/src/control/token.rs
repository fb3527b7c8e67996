//! The bearer token of a cloud that other machines can reach: random, kept in its directory, for its owner alone.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const FILE: &str = "control-token";

/// The token that is kept in the directory; a new one when there is none. Without a directory it lives as long as the
/// process.
pub(crate) fn keep(directory: Option<&Path>) -> io::Result<String> {
    let Some(directory) = directory else { return make() };
    let path = directory.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().len() >= 32 => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let token = make()?;
    fs::create_dir_all(directory)?;
    let part = directory.join(format!("{FILE}.part"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    writeln!(file, "{token}")?;
    drop(file);
    fs::rename(&part, &path)?;
    Ok(token)
}

/// 256 random bits in hexadecimal. They never come from the cloud's ids, which a seed makes predictable.
fn make() -> io::Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the operating system gives no random bytes"))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::keep;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_token_stays_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let token = keep(Some(directory.path())).unwrap();
        assert_eq!(token.len(), 64);
        assert_eq!(keep(Some(directory.path())).unwrap(), token);
        let mode = std::fs::metadata(directory.path().join("control-token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(keep(None).unwrap(), keep(None).unwrap());
    }
}
