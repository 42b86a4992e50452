//! What two processes say to each other while one takes the other's place.
//!
//! ```text
//! old                                               new
//!  | socket [keeps | removes], with a descriptor --> |   for each listening socket
//!  | pidfile PATH, with its descriptor ------------> |   if there is one
//!  | all ------------------------------------------> |
//!  | <------------------------------ ready           |   its addresses are open to backends; or: failed TEXT
//!  | site COUNT ADDRESS ---------------------------> |   for each that has backends
//!  | come -----------------------------------------> |   they have been told to
//!  | <------------------------------ serving         |   it takes clients, and has the pid file
//! ```
//!
//! The old one then takes no more clients, finishes and goes. If either ends before `serving`, the other notices
//! because the channel closes: the old one serves on, the new one ends.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recvmsg, sendmsg, shutdown,
    socketpair, sockopt,
};

/// The longest message: a path or a sentence.
const MESSAGE_BYTES_MAX: usize = 8 * 1024;

/// One end. Messages keep their borders, and carry at most one descriptor.
#[derive(Debug)]
pub(super) struct Channel(OwnedFd);

/// A message, and the descriptor that came with it.
pub(super) type Message = (String, Option<OwnedFd>);

impl Channel {
    /// Two ends; the other one is for another process.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(ours), theirs))
    }

    /// The end that another process gave us.
    pub(super) fn new(end: OwnedFd) -> Self {
        Self(end)
    }

    /// How long [`Channel::receive`] and [`Channel::send`] wait.
    pub(super) fn set_patience(&self, patience: Duration) -> io::Result<()> {
        for which in [sockopt::Timeout::Recv, sockopt::Timeout::Send] {
            sockopt::set_socket_timeout(&self.0, which, Some(patience))?;
        }
        Ok(())
    }

    /// Says something; what is longer than a message can be is cut.
    pub(super) fn send(&self, text: &str, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let bytes = &text.as_bytes()[..text.len().min(MESSAGE_BYTES_MAX)];
        let descriptors: Vec<_> = descriptor.into_iter().collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&descriptors));
        }
        sendmsg(&self.0, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// The next message; none when the other side has closed.
    pub(super) fn receive(&self) -> io::Result<Option<Message>> {
        let mut bytes = vec![0; MESSAGE_BYTES_MAX];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut receive =
            || recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC);
        let received = match receive() {
            // Said once when the other side ended with something unread; its last words come behind that.
            Err(Errno::CONNRESET) => receive()?,
            received => received?,
        };
        if received.bytes == 0 {
            return Ok(None);
        }
        bytes.truncate(received.bytes);
        let descriptor = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), descriptor)))
    }

    /// Closes both ends.
    pub(super) fn hang_up(&self) {
        let _ = shutdown(&self.0, Shutdown::Both);
    }

    /// The same end once more.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        self.0.as_fd().try_clone_to_owned().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn messages_keep_their_borders_and_bring_descriptors_along() {
        let (ours, theirs) = Channel::pair().unwrap();
        let theirs = Channel::new(theirs);
        let (mut reader, writer) = io::pipe().unwrap();
        ours.send("one", None).unwrap();
        ours.send("two", Some(writer.as_fd())).unwrap();
        drop(writer);
        let (text, descriptor) = theirs.receive().unwrap().unwrap();
        assert_eq!((text.as_str(), descriptor.is_some()), ("one", false));
        let (text, descriptor) = theirs.receive().unwrap().unwrap();
        assert_eq!(text, "two");
        File::from(descriptor.unwrap()).write_all(b"through").unwrap();
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        assert_eq!(said, "through");
        drop(ours);
        assert!(theirs.receive().unwrap().is_none());
    }

    #[test]
    fn nobody_waits_for_ever_and_what_is_too_long_is_cut() {
        let (ours, theirs) = Channel::pair().unwrap();
        let theirs = Channel::new(theirs);
        theirs.set_patience(Duration::from_millis(1)).unwrap();
        assert_eq!(theirs.receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        ours.send(&"x".repeat(2 * MESSAGE_BYTES_MAX), None).unwrap();
        assert_eq!(theirs.receive().unwrap().unwrap().0.len(), MESSAGE_BYTES_MAX);
        ours.hang_up();
        assert!(theirs.receive().unwrap().is_none());
    }
}
