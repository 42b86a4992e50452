//! What is wrong with a backend's reply.

/// A reply's head that we will not pass on: the client gets 502, and the link is closed with this as the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyFault {
    /// Not a status of a final reply (200 to 999), or of an informational one (100, 102 to 199).
    BadStatus(u16),
    /// The reason phrase contains a control character.
    BadReason,
    /// A header's name is not a token. The name, made printable.
    BadHeaderName(String),
    /// A header's value contains a control character. The header's name.
    BadHeaderValue(String),
    /// The head is larger than `reply_head_bytes_max`.
    HeadTooLarge,
}

impl std::fmt::Display for ReplyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BadStatus(status) => write!(f, "The reply's status {status} is not one that can be sent."),
            Self::BadReason => write!(f, "The reply's reason phrase contains a control character."),
            Self::BadHeaderName(name) => write!(f, "The reply's header name \"{name}\" is not a token."),
            Self::BadHeaderValue(name) => {
                write!(f, "The value of the reply's header {name} contains a control character.")
            }
            Self::HeadTooLarge => write!(f, "The reply's head is larger than reply_head_bytes_max."),
        }
    }
}

impl std::error::Error for ReplyFault {}
