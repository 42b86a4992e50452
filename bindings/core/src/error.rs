//! What can go wrong, one enum per boundary: starting, reading a request, giving a reply.

use std::fmt;

/// Why a connector cannot start, or cannot go on in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// An option makes no sense; the text says which, and what to write instead.
    BadOption(String),
    /// The connector was started before a fork, and this is the child: its threads do not exist here, and its links
    /// belong to the parent.
    Forked,
    /// The system refused something that every process may have.
    System {
        /// What was asked for: `an epoll descriptor`.
        what: &'static str,
        /// What it said.
        said: String,
    },
}

const FORKED: &str = "this connector was started before the process forked, and its threads and links stayed with the parent; start the connector after the fork, in each child";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadOption(text) => f.write_str(text),
            Self::Forked => f.write_str(FORKED),
            Self::System { what, said } => {
                write!(
                    f,
                    "the system gives this process no {what} ({said}); look at its limits (ulimit -n, -u)"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

/// Why the rest of a request's body does not come. The app must not take what it has read for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadError {
    /// The client left before it had sent all, or sent a body that is broken.
    ClientGone,
    /// The proxy's time limit for the exchange passed; the client has its answer.
    Deadline,
    /// The link to the proxy broke.
    LinkLost,
    /// The connector was stopped.
    Stopped,
    /// The reply was there first: it ended the exchange, or began before the client was told to send its body.
    ReplyEnded,
    /// See [`Error::Forked`].
    Forked,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientGone => "the client left before it had sent the whole body of its request",
            Self::Deadline => "the proxy's time limit passed before the whole body of the request was there",
            Self::LinkLost => "the link to the proxy broke before the whole body of the request was there",
            Self::Stopped => "the connector was stopped before the whole body of the request was there",
            Self::ReplyEnded => {
                "the reply came before the whole body of the request, so the rest of it does not come"
            }
            Self::Forked => FORKED,
        })
    }
}

impl std::error::Error for ReadError {}

/// Why a reply, or a part of it, cannot be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyError {
    /// The reply has begun; its status and headers can no longer change.
    AlreadyStarted,
    /// The reply's status and headers have to come before its body.
    NotStarted,
    /// The reply is over.
    AlreadyEnded,
    /// A final reply has a status of 200 to 599 (or 101, where the client offered to upgrade), an informational one
    /// of 100 or 102 to 199.
    BadStatus(u16),
    /// The reason phrase holds a control character, or more than 255 bytes.
    BadReason,
    /// A header cannot be sent as it is.
    BadHeader {
        /// Its name, with what cannot be printed replaced.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// All headers together are more than a head may hold.
    HeadTooLong {
        /// What there is too much of: `256 headers`, `61440 bytes`.
        limit: &'static str,
    },
    /// What the app wrote on a connection that it was handed is no reply of HTTP/1; the text says what is wrong.
    BadText(String),
    /// The app gave more body than its Content-Length announced. What is beyond it was cut off.
    TooLong {
        /// Bytes announced.
        announced: u64,
    },
    /// The app ended the body before its Content-Length was reached. The reply was aborted.
    TooShort {
        /// Bytes announced.
        announced: u64,
        /// Bytes given.
        given: u64,
    },
    /// The client left. Nobody waits for this reply.
    ClientGone,
    /// The proxy's time limit for the exchange passed; the client has its answer.
    Deadline,
    /// The link to the proxy broke. The proxy has answered the client, or asked another backend.
    LinkLost,
    /// The connector was stopped.
    Stopped,
    /// The wait's interrupt was raised.
    Interrupted {
        /// Bytes of the data that were taken before.
        written: usize,
    },
    /// The wait's time passed while the client or the proxy took nothing.
    TimedOut {
        /// Bytes of the data that were taken before.
        written: usize,
    },
    /// A [`LoopConnector`](crate::LoopConnector) never waits: see [`Reply::try_write`](crate::Reply::try_write).
    WouldBlock {
        /// Bytes of the data that were taken.
        written: usize,
    },
    /// See [`Error::Forked`].
    Forked,
}

impl ReplyError {
    /// Whether the other side is the reason, so that the app is not to blame and need not say anything.
    pub fn is_disconnect(&self) -> bool {
        matches!(self, Self::ClientGone | Self::Deadline | Self::LinkLost | Self::Stopped)
    }
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyStarted => {
                f.write_str("the reply has begun already; its head cannot be given again")
            }
            Self::NotStarted => {
                f.write_str("the reply has not begun; give its status and headers before its body")
            }
            Self::AlreadyEnded => f.write_str("the reply has ended already; nothing can be added to it"),
            Self::BadStatus(status) => write!(f, "a reply cannot have the status {status} here"),
            Self::BadReason => {
                f.write_str("the reason phrase has a control character or more than 255 bytes")
            }
            Self::BadHeader { name, why } => write!(f, "the header `{name}` {why}"),
            Self::HeadTooLong { limit } => {
                write!(f, "the headers are more than the {limit} that a head may hold")
            }
            Self::BadText(why) => {
                write!(f, "what the app wrote on the connection is no reply of HTTP/1: {why}")
            }
            Self::TooLong { announced } => {
                write!(
                    f,
                    "the reply's body is longer than its Content-Length of {announced}; the rest was cut off"
                )
            }
            Self::TooShort { announced, given } => write!(
                f,
                "the reply's body ended after {given} bytes, but its Content-Length is {announced}; it was aborted"
            ),
            Self::ClientGone => f.write_str("the client left before the reply was complete"),
            Self::Deadline => f.write_str("the proxy's time limit passed before the reply was complete"),
            Self::LinkLost => f.write_str("the link to the proxy broke before the reply was complete"),
            Self::Stopped => f.write_str("the connector was stopped before the reply was complete"),
            Self::Interrupted { written } => write!(f, "writing was interrupted after {written} bytes"),
            Self::TimedOut { written } => write!(f, "writing ran out of time after {written} bytes"),
            Self::WouldBlock { written } => {
                write!(f, "only {written} bytes were taken, and an event loop cannot wait")
            }
            Self::Forked => f.write_str(FORKED),
        }
    }
}

impl std::error::Error for ReplyError {}
