//! The core's errors as JavaScript's: an `Error` whose `message` is the core's sentence and whose `code` a program reads.

use napi::Error;
use swiftiply_connector::{ReadError, ReplyError};

/// The `code` of an error.
#[derive(Debug, Clone, Copy)]
pub enum Code {
    /// An option cannot be used.
    BadOption,
    /// The exchange is over: the client left, the link broke, or it was ended already.
    Gone,
    /// More body than its Content-Length announced.
    TooLong,
    /// The app gave what no reply can hold, or gave it in the wrong order.
    BadReply,
    /// Node itself refused something.
    Node,
}

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        match self {
            Self::BadOption => "SWIFTIPLY_BAD_OPTION",
            Self::Gone => "SWIFTIPLY_CLIENT_GONE",
            Self::TooLong => "SWIFTIPLY_TOO_LONG",
            Self::BadReply => "SWIFTIPLY_BAD_REPLY",
            Self::Node => "SWIFTIPLY_NODE",
        }
    }
}

/// What the functions of this library give.
pub type Result<T> = std::result::Result<T, Error<Code>>;

pub(crate) fn bad_option(error: impl ToString) -> Error<Code> {
    Error::new(Code::BadOption, error)
}

pub(crate) fn over() -> Error<Code> {
    Error::new(Code::Gone, "the exchange is over")
}

pub(crate) fn read(error: ReadError) -> Error<Code> {
    Error::new(Code::Gone, error)
}

pub(crate) fn reply(error: ReplyError) -> Error<Code> {
    let code = match &error {
        error if error.is_disconnect() => Code::Gone,
        ReplyError::TooLong { .. } => Code::TooLong,
        _ => Code::BadReply,
    };
    Error::new(code, error)
}

pub(crate) fn node(error: Error) -> Error<Code> {
    Error::new(Code::Node, error.reason.clone())
}
