//! The console's text in a file on the host.
//!
//! Invariant: a sandbox that writes without end costs the host neither its disk nor a processor.

use crate::Error;
use crate::error::During;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
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

#[cfg(test)]
mod tests {
    use super::{Console, FILE_BYTES_MAX, PERIOD_BYTES_MAX, last};

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
