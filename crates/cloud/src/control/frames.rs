//! The frames of a conversation with a program in an instance, as both ends speak them.
//!
//! Invariant: a frame has at most [`BYTES_MAX`] bytes, and the client sends no more input than was asked for: [`WINDOW`] bytes at first,
//! then as many as were acknowledged.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// What the upgraded connection speaks.
pub const PROTOCOL: &str = "yakumo-exec";
/// The most bytes of one frame.
pub const BYTES_MAX: usize = 64 * 1024;
/// How many bytes of input may be on their way to the program.
pub const WINDOW: usize = 256 * 1024;

/// What a frame is. The first three come from the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Input of the program; an empty one ends it.
    Input,
    /// The terminal's new size: lines and columns, two bytes each.
    Size,
    /// A signal for the program: one byte.
    Signal,
    /// What the program wrote.
    Output,
    /// What it complained.
    Errors,
    /// So many bytes of input have been taken: four bytes.
    Taken,
    /// The program has ended with this code: four bytes.
    Exit,
}

impl Kind {
    const ALL: [(u8, Kind); 7] = [
        (b'i', Kind::Input),
        (b's', Kind::Size),
        (b'k', Kind::Signal),
        (b'o', Kind::Output),
        (b'e', Kind::Errors),
        (b't', Kind::Taken),
        (b'x', Kind::Exit),
    ];

    fn of(byte: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|(known, _)| *known == byte).map(|(_, kind)| kind)
    }
}

/// A frame as it is sent: a byte, four bytes of length, the content. What is longer than a frame may be is cut.
pub fn frame(kind: Kind, content: &[u8]) -> Vec<u8> {
    let content = content.get(..BYTES_MAX).unwrap_or(content);
    let byte = Kind::ALL.into_iter().find(|(_, known)| *known == kind).map_or(0, |(byte, _)| byte);
    let mut out = Vec::with_capacity(content.len() + 5);
    out.push(byte);
    out.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(content);
    out
}

/// Reads a frame; `None` at the end.
///
/// # Errors
/// A frame that is none, or one that breaks off.
pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let mut head = [0; 5];
    if from.read(&mut head[..1]).await? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..]).await?;
    let [byte, length @ ..] = head;
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "this is no frame");
    let kind = Kind::of(byte).ok_or_else(wrong)?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| wrong())?;
    if length > BYTES_MAX {
        return Err(wrong());
    }
    let mut content = vec![0; length];
    from.read_exact(&mut content).await?;
    Ok(Some((kind, content)))
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, Kind, frame, read};

    #[tokio::test]
    async fn frames_are_read_as_they_were_written() {
        for (_, kind) in Kind::ALL {
            let bytes = frame(kind, b"abc");
            assert_eq!(read(&mut &bytes[..]).await.unwrap(), Some((kind, b"abc".to_vec())));
        }
        assert_eq!(read(&mut &b""[..]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_none_is_an_error() {
        let long = [&b"i"[..], &u32::try_from(BYTES_MAX + 1).unwrap().to_be_bytes()].concat();
        for bytes in [&b"q\0\0\0\0"[..], b"i\0\0\0\x05abc", b"i\0", &long] {
            assert!(read(&mut &*bytes).await.is_err(), "{bytes:?}");
        }
    }
}
