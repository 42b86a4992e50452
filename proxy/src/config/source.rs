//! Where a running proxy's configuration came from, and so where a reload takes it from.

use std::path::PathBuf;

use super::{Config, ConfigError, Warning};

/// A file, or none: then the embedded configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigSource {
    /// The file; absolute, for a daemon does not stay in the folder where it was started.
    pub path: Option<PathBuf>,
}

impl ConfigSource {
    /// Reads the configuration, again.
    pub fn reload(&self) -> Result<(Config, Vec<Warning>), ConfigError> {
        match &self.path {
            Some(file) => Config::load(file),
            None => Ok((Config::embedded(), Vec::new())),
        }
    }
}

impl Config {
    /// The keys in which `new` differs but that only take effect when the proxy starts.
    pub fn needs_restart(&self, new: &Config) -> Vec<&'static str> {
        let changed = [
            ("shards", self.shards != new.shards),
            ("daemonize", self.process.daemonize != new.process.daemonize),
            ("pidfile", self.process.pidfile != new.process.pidfile),
            ("user", self.process.user != new.process.user),
            ("group", self.process.group != new.process.group),
            ("log", self.log != new.log),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reload_cannot_change_is_named() {
        let old = Config::embedded();
        let mut new = old.clone();
        assert!(old.needs_restart(&new).is_empty());
        new.shards += 1;
        new.process.daemonize = true;
        new.sites.clear();
        assert_eq!(old.needs_restart(&new), ["shards", "daemonize"]);
    }
}
