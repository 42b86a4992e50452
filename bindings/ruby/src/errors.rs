//! The core's errors as the exceptions of `swiftiply/errors.rb`.

use magnus::value::Lazy;
use magnus::{Error, ExceptionClass, Module, RModule, Ruby};
use swiftiply_connector::{ReadError, ReplyError};

/// Each exception class, looked up by its name in Ruby.
macro_rules! exceptions {
    ($($constant:ident $name:literal)*) => {
        $(static $constant: Lazy<ExceptionClass> = Lazy::new(|ruby| find(ruby, $name));)*

        /// See `look_classes_up` of the library.
        pub(crate) fn look_classes_up(ruby: &Ruby) {
            $(Lazy::force(&$constant, ruby);)*
        }
    };
}

exceptions! {
    BAD_REPLY "BadReply"
    BODY_CUT "BodyCut"
    BODY_TOO_LONG "BodyTooLong"
    BODY_TOO_SHORT "BodyTooShort"
    CLIENT_GONE "ClientGone"
    CONFIGURATION_ERROR "ConfigurationError"
    DEADLINE_PASSED "DeadlinePassed"
    FORKED "Forked"
    LINK_LOST "LinkLost"
    REPLY_MISUSED "ReplyMisused"
}

/// A gem whose Ruby half lacks a class is broken; then its errors are plain RuntimeErrors.
fn find(ruby: &Ruby, name: &str) -> ExceptionClass {
    ruby.class_object()
        .const_get::<_, RModule>("Swiftiply")
        .and_then(|swiftiply| swiftiply.const_get(name))
        .unwrap_or_else(|_| ruby.exception_runtime_error())
}

fn error(ruby: &Ruby, class: &'static Lazy<ExceptionClass>, text: impl ToString) -> Error {
    Error::new(ruby.get_inner(class), text.to_string())
}

/// An option or a key that makes no sense.
pub(crate) fn configuration(ruby: &Ruby, text: impl ToString) -> Error {
    error(ruby, &CONFIGURATION_ERROR, text)
}

/// A connector that cannot start or cannot go on.
pub(crate) fn connector(ruby: &Ruby, cause: &swiftiply_connector::Error) -> Error {
    use swiftiply_connector::Error as Cause;
    match cause {
        Cause::BadOption(_) => error(ruby, &CONFIGURATION_ERROR, cause),
        Cause::Forked => error(ruby, &FORKED, cause),
        Cause::System { .. } => Error::new(ruby.exception_runtime_error(), cause.to_string()),
    }
}

/// A body that does not come whole.
pub(crate) fn read(ruby: &Ruby, cause: ReadError) -> Error {
    let class = match cause {
        ReadError::ClientGone | ReadError::Deadline | ReadError::ReplyEnded => &BODY_CUT,
        ReadError::LinkLost | ReadError::Stopped => &LINK_LOST,
        ReadError::Forked => &FORKED,
    };
    error(ruby, class, cause)
}

/// A reply, or a part of one, that cannot be given.
pub(crate) fn reply(ruby: &Ruby, cause: &ReplyError) -> Error {
    let class = match cause {
        ReplyError::BadStatus(_)
        | ReplyError::BadReason
        | ReplyError::BadHeader { .. }
        | ReplyError::BadText(_)
        | ReplyError::HeadTooLong { .. } => &BAD_REPLY,
        ReplyError::AlreadyStarted | ReplyError::NotStarted | ReplyError::AlreadyEnded => &REPLY_MISUSED,
        ReplyError::TooLong { .. } => &BODY_TOO_LONG,
        ReplyError::TooShort { .. } => &BODY_TOO_SHORT,
        ReplyError::ClientGone => &CLIENT_GONE,
        ReplyError::Deadline => &DEADLINE_PASSED,
        ReplyError::LinkLost | ReplyError::Stopped => &LINK_LOST,
        // The binding waits without end and resumes what was interrupted, so none of these comes this far.
        ReplyError::Interrupted { .. } | ReplyError::TimedOut { .. } | ReplyError::WouldBlock { .. } => {
            &REPLY_MISUSED
        }
        ReplyError::Forked => &FORKED,
    };
    error(ruby, class, cause)
}
