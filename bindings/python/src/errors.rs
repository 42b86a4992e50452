//! The core's errors as the adapter's exceptions, which are defined in Python (`swiftiply.errors`).

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use swiftiply_connector::{Error, ReadError, ReplyError};

macro_rules! exceptions {
    ($($function:ident $name:literal)*) => {$(
        pub fn $function(text: impl std::fmt::Display) -> PyErr {
            static TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            Python::attach(|py| match TYPE.import(py, "swiftiply.errors", $name) {
                Ok(kind) => PyErr::from_type(kind.clone(), text.to_string()),
                Err(error) => error,
            })
        }
    )*};
}

exceptions! {
    config_error "ConfigError"
    fork_error "ForkError"
    client_disconnected "ClientDisconnected"
    reply_error "ReplyError"
    reply_head_error "ReplyHeadError"
    reply_length_error "ReplyLengthError"
    mount_error "MountError"
}

pub fn start(error: Error) -> PyErr {
    match error {
        Error::BadOption(_) => config_error(error),
        Error::Forked => fork_error(error),
        Error::System { .. } => pyo3::exceptions::PyOSError::new_err(error.to_string()),
    }
}

pub fn read(error: ReadError) -> PyErr {
    match error {
        ReadError::Forked => fork_error(error),
        _ => client_disconnected(error),
    }
}

pub fn reply(error: ReplyError) -> PyErr {
    match error {
        error if error.is_disconnect() => client_disconnected(error),
        ReplyError::Forked => fork_error(error),
        ReplyError::BadStatus(_)
        | ReplyError::BadReason
        | ReplyError::BadHeader { .. }
        | ReplyError::HeadTooLong { .. } => reply_head_error(error),
        ReplyError::TooLong { .. } | ReplyError::TooShort { .. } => reply_length_error(error),
        _ => reply_error(error),
    }
}
