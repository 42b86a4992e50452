//! How JavaScript says what a backend is.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use swiftiply_connector::{Key, Options};

use crate::errors::{self, Result};

/// What a `Connector` is made of; see the core's `Options`.
#[napi(object)]
pub struct ConnectorOptions {
    /// Addresses as text.
    pub connect: Vec<String>,
    /// The site's key.
    pub key: Option<Buffer>,
    /// Requests that can run at once.
    pub slots: u32,
    /// Tunnels that can live at once, beside them.
    pub tunnels: Option<u32>,
    /// The app's release.
    pub label: String,
    /// `node 20.1.0`
    pub language: String,
    /// `swiftiply-node 0.9.0`
    pub adapter: String,
}

/// Throws unless these options make sense.
#[napi]
pub fn check_options(options: ConnectorOptions) -> Result<()> {
    options.read().map(drop)
}

impl ConnectorOptions {
    pub(crate) fn read(self) -> Result<Options> {
        let addresses = self.connect.iter().map(|address| address.parse().map_err(errors::bad_option));
        let key = match self.key {
            Some(bytes) => Some(Key::new(&bytes[..]).map_err(errors::bad_option)?),
            None => None,
        };
        Ok(Options {
            connect: addresses.collect::<Result<_>>()?,
            key,
            slots: u16::try_from(self.slots).unwrap_or(u16::MAX),
            tunnels: self.tunnels.unwrap_or(0),
            label: self.label,
            language: self.language,
            adapter: self.adapter,
        })
    }
}
