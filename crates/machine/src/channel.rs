//! Messages with descriptors between the library, a keeper and an init: JSON in one datagram of a local socket.
//!
//! Invariant: whoever receives takes nothing for granted; a message is bounded, and descriptors that are too many are closed.

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// The most bytes of one message.
pub const MESSAGE_BYTES_MAX: usize = 160 * 1024;
/// The most descriptors of one message.
const DESCRIPTORS_MAX: usize = 4;

/// Two ends that are connected.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Listens under a name in a directory. The path may be longer than a socket's address can be.
pub fn listen(directory: &File, name: &str) -> io::Result<OwnedFd> {
    let socket = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?;
    rustix::net::bind(&socket, &address(directory, name)?)?;
    rustix::net::listen(&socket, 64)?;
    Ok(socket)
}

/// Connects to who listens under a name in a directory.
pub fn connect(directory: &File, name: &str) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    rustix::net::connect(&socket, &address(directory, name)?)?;
    Ok(socket)
}

fn address(directory: &File, name: &str) -> io::Result<SocketAddrUnix> {
    let path = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name);
    Ok(SocketAddrUnix::new(path)?)
}

/// Sends a message, with descriptors that the other side gets copies of.
pub fn send<T: Serialize>(socket: impl AsFd, message: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > MESSAGE_BYTES_MAX || descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the message is too large"));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives a message; `None` when the other side has gone.
pub fn receive<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = loop {
        match rustix::net::recvmsg(&socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags) {
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            other => break other?,
        }
    };
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received.bytes == 0 {
        return Ok(None);
    }
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too large"));
    }
    let message = serde_json::from_slice(&bytes[..received.bytes.min(MESSAGE_BYTES_MAX)])?;
    Ok(Some((message, descriptors)))
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_BYTES_MAX, listen, pair, receive, send};
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    #[test]
    fn messages_arrive_with_their_descriptors() {
        let (ours, theirs) = pair().unwrap();
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        send(&ours, &("word", 7), &[writer.as_fd()]).unwrap();
        writer.write_all(b"1").unwrap();
        drop(writer);
        let (message, descriptors) = receive::<(String, u8)>(&theirs).unwrap().unwrap();
        assert_eq!((message, descriptors.len()), (("word".to_owned(), 7), 1));
        drop(descriptors);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "1");
        drop(ours);
        assert!(receive::<String>(&theirs).unwrap().is_none());
    }

    #[test]
    fn what_is_too_large_or_no_message_is_refused() {
        let (ours, theirs) = pair().unwrap();
        assert!(send(&ours, &"x".repeat(MESSAGE_BYTES_MAX), &[]).is_err());
        send(&ours, &"text", &[]).unwrap();
        assert!(receive::<u8>(&theirs).is_err());
    }

    #[test]
    fn a_long_path_is_no_obstacle() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("d".repeat(200));
        std::fs::create_dir(&deep).unwrap();
        let deep = std::fs::File::open(&deep).unwrap();
        let _listener = listen(&deep, "s").unwrap();
        super::connect(&deep, "s").unwrap();
    }
}
