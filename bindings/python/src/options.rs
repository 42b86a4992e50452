//! From Python's arguments to the core's options.

use pyo3::prelude::*;
use swiftiply_connector::{Address, Key, Options};

use crate::errors::config_error;

pub fn options(
    py: Python<'_>,
    connect: Vec<String>,
    slots: u16,
    tunnels: u32,
    key: Option<Vec<u8>>,
    label: String,
    adapter: String,
) -> PyResult<Options> {
    let connect = connect
        .iter()
        .map(|text| text.parse::<Address>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(config_error)?;
    let key = key.map(Key::new).transpose().map_err(config_error)?;
    let version = py.version_info();
    let language = format!("python {}.{}.{}", version.major, version.minor, version.patch);
    Ok(Options { connect, key, slots, tunnels, label, language, adapter })
}
