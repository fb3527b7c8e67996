//! The console's text in a file on the host.
//!
//! Invariant: a sandbox that writes without end costs the host neither its disk nor a processor.

use crate::Error;
use crate::error::During;
use crate::states::Cursor;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// After so many bytes the file becomes `console.log.1`, in the place of an earlier one.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;
/// How much may be written in one period.
const PERIOD_BYTES_MAX: usize = 1 << 20;
/// One period.
const PERIOD: Duration = Duration::from_secs(1);

/// The file that is written to.
pub(super) struct Console {
    path: PathBuf,
    file: File,
    bytes: u64,
    period: Instant,
    in_period: usize,
}

impl Console {
    pub fn open(path: &Path) -> Result<Console, Error> {
        let file = append(path)?;
        let bytes = file.metadata().during(path.display())?.len();
        Ok(Console { path: path.to_owned(), file, bytes, period: Instant::now(), in_period: 0 })
    }

    /// Adds text. What cannot be written, on a disk that is full, is lost; the sandbox goes on.
    pub fn write(&mut self, text: &[u8]) {
        if self.bytes >= FILE_BYTES_MAX {
            let old = self.path.with_extension("log.1");
            if std::fs::rename(&self.path, old).is_ok()
                && let Ok(file) = append(&self.path)
            {
                (self.file, self.bytes) = (file, 0);
            }
        }
        self.file.write_all(text).ok();
        self.bytes += text.len() as u64;
        self.in_period += text.len();
    }

    /// How long nothing is to be read, so that the writer waits.
    pub fn pause(&mut self) -> Option<Duration> {
        let passed = self.period.elapsed();
        if passed >= PERIOD {
            (self.period, self.in_period) = (Instant::now(), 0);
        }
        (self.in_period >= PERIOD_BYTES_MAX).then(|| PERIOD.saturating_sub(passed))
    }
}

fn append(path: &Path) -> Result<File, Error> {
    File::options().append(true).create(true).mode(0o600).open(path).during(path.display())
}

/// The last `most` bytes of a console's text; empty when there is none.
pub(crate) fn last(path: &Path, most: usize) -> Result<Vec<u8>, Error> {
    let read = |path: &Path| match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.during(path.display()),
    };
    let mut text = read(&path.with_extension("log.1"))?;
    text.extend(read(path)?);
    Ok(text.split_off(text.len().saturating_sub(most)))
}

/// At most `most` bytes of a console's text after a place, and the next place.
pub(crate) fn after(path: &Path, place: Option<Cursor>, most: usize) -> Result<(Vec<u8>, Cursor), Error> {
    let (old, now) = (read(&path.with_extension("log.1"))?, read(path)?);
    let text = |file: &(u64, Vec<u8>), at: u64| {
        file.1.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default().to_vec()
    };
    let mut found = match place {
        Some(place) if place.file == now.0 => text(&now, place.at),
        Some(place) if place.file == old.0 => [text(&old, place.at), now.1.clone()].concat(),
        _ => {
            let all = [old.1, now.1.clone()].concat();
            all.get(all.len().saturating_sub(most)..).unwrap_or_default().to_vec()
        }
    };
    // What is left for the next time stands at the end of the file that is written to; who is that far behind loses what is older.
    let left = found.len().saturating_sub(most).min(now.1.len());
    found.truncate(found.len() - left);
    let found = found.split_off(found.len().saturating_sub(most));
    Ok((found, Cursor { file: now.0, at: (now.1.len() - left) as u64 }))
}

/// A file's number and what is in it; nothing when there is none.
fn read(path: &Path) -> Result<(u64, Vec<u8>), Error> {
    match std::fs::metadata(path).and_then(|metadata| Ok((metadata.ino(), std::fs::read(path)?))) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((0, Vec::new())),
        other => other.during(path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Console, FILE_BYTES_MAX, PERIOD_BYTES_MAX, after, last};

    #[test]
    fn a_reader_gets_everything_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("console.log");
        let mut console = Console::open(&path).unwrap();
        let (mut place, mut seen, mut written) = (None, Vec::new(), Vec::new());
        for number in 0..3000u32 {
            let line = format!("line {number} {}\n", "x".repeat(900));
            console.write(line.as_bytes());
            written.extend(line.into_bytes());
            if number % 7 == 0 {
                let (text, next) = after(&path, place, 16 * 1024).unwrap();
                seen.extend(text);
                place = Some(next);
            }
        }
        let (text, next) = after(&path, place, 16 * 1024).unwrap();
        seen.extend(text);
        assert!(seen == written);
        assert_eq!(after(&path, Some(next), 100).unwrap(), (Vec::new(), next));
        assert_eq!(after(&path, None, 5).unwrap().0, b"xxxx\n");
    }

    #[test]
    fn the_file_is_bounded_and_its_end_can_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("console.log");
        assert_eq!(last(&path, 10).unwrap(), b"");
        let mut console = Console::open(&path).unwrap();
        let block = vec![b'x'; 64 * 1024];
        for _ in 0..100 {
            console.write(&block);
        }
        console.write(b"the end");
        let total: u64 =
            std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert!(total <= 2 * (FILE_BYTES_MAX + block.len() as u64), "{total}");
        assert_eq!(last(&path, 9).unwrap(), b"xxthe end");
    }

    #[test]
    fn who_writes_without_end_waits() {
        let directory = tempfile::tempdir().unwrap();
        let mut console = Console::open(&directory.path().join("console.log")).unwrap();
        assert_eq!(console.pause(), None);
        console.write(&vec![b'x'; PERIOD_BYTES_MAX]);
        assert!(console.pause().is_some());
    }
}
