//! What a backend is, and where it serves.

use crate::limits::PROXIES_MAX;
use crate::{Address, Error, Key};
use swiftiply_wire::limits::SLOTS_MAX;

/// What a backend is, and where it serves.
///
/// ```
/// use swiftiply_connector::Options;
/// let options = Options { slots: 5, adapter: "swiftiply-rack 0.9.0".into(), ..Options::default() };
/// assert_eq!(options.connect[0].to_string(), "127.0.0.1:30000");
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// The proxies to serve, 1 to 64. Default: `127.0.0.1:30000`.
    pub connect: Vec<Address>,
    /// The site's key, if the proxy asks for one. Default: none.
    pub key: Option<Key>,
    /// Requests that can run at once, 1 to 16384. Default: 1.
    pub slots: u16,
    /// Tunnels that can live at once beside the slots, each claimed by [`Request::claim_tunnel`](crate::Request::claim_tunnel).
    /// Default: 0, so that each tunnel fills the slot of its request.
    pub tunnels: u32,
    /// The release of the app, as the operator calls it; at most 255 bytes travel. Default: empty.
    pub label: String,
    /// The language and its version: `ruby 3.1.2`. Default: empty.
    pub language: String,
    /// The adapter and its version: `swiftiply-rack 0.9.0`. Default: empty.
    pub adapter: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: vec![Address::default()],
            key: None,
            slots: 1,
            tunnels: 0,
            label: String::new(),
            language: String::new(),
            adapter: String::new(),
        }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.connect.len() {
            0 => return Err(Error::BadOption("no proxy to connect to; give at least one address".into())),
            n if n > PROXIES_MAX => {
                return Err(Error::BadOption(format!(
                    "{n} proxies to connect to; at most {PROXIES_MAX} are served"
                )));
            }
            _ => {}
        }
        if let Some(twice) = self.connect.iter().enumerate().find(|(i, a)| self.connect[..*i].contains(a)) {
            return Err(Error::BadOption(format!("the proxy {} is named twice; name each once", twice.1)));
        }
        if !(1..=SLOTS_MAX).contains(&self.slots) {
            return Err(Error::BadOption(format!("{} slots; give 1 to {SLOTS_MAX}", self.slots)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(options: Options) -> String {
        options.check().unwrap_err().to_string()
    }

    #[test]
    fn impossible_options_are_named() {
        assert!(Options::default().check().is_ok());
        let none = Options { connect: vec![], ..Options::default() };
        assert!(complaint(none).contains("at least one address"));
        let twice = Options { connect: vec![Address::default(), Address::default()], ..Options::default() };
        assert!(complaint(twice).contains("127.0.0.1:30000 is named twice"));
        for slots in [0, SLOTS_MAX + 1] {
            assert!(complaint(Options { slots, ..Options::default() }).contains("give 1 to 16384"));
        }
    }
}
