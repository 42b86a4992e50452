//! What can be wrong with bytes that a peer sent.

use std::fmt;

/// The peer broke the protocol. The link cannot go on: nothing after this point can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// The connection does not begin with the preface of this protocol.
    NotOurProtocol,
    /// A frame announces more payload than the limit at this point of the link.
    FrameTooLong {
        /// Bytes announced.
        announced: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A payload ends before its last field does.
    Truncated {
        /// The field that is cut.
        field: &'static str,
    },
    /// A field holds a value that the protocol does not define.
    BadValue {
        /// The field.
        field: &'static str,
    },
    /// A frame type below 0x80 that this version does not define, or that this side may not receive.
    UnexpectedFrame {
        /// The type byte.
        kind: u8,
    },
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurProtocol => f.write_str("the peer does not speak the Swiftiply link protocol"),
            Self::FrameTooLong { announced, limit } => {
                write!(f, "the peer announced a frame of {announced} bytes; at most {limit} are allowed here")
            }
            Self::Truncated { field } => write!(f, "a frame ends inside its field `{field}`"),
            Self::BadValue { field } => {
                write!(f, "a frame has an impossible value in its field `{field}`")
            }
            Self::UnexpectedFrame { kind } => {
                write!(f, "a frame of type 0x{kind:02x} has no place here")
            }
        }
    }
}

impl std::error::Error for WireError {}
