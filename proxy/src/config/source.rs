//! Where a running proxy's configuration came from, and so where a reload takes it from.

use std::path::PathBuf;

use super::{Config, ConfigError, LogLevel, Warning};

/// A file, or none: then the embedded configuration. And what the command line says besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigSource {
    /// The file; absolute, for a daemon does not stay in the folder where it was started.
    pub path: Option<PathBuf>,
    /// What wins over the file.
    pub overrides: Overrides,
}

/// What the command line says; it wins over the file, also over one that is read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Instead of `daemonize`.
    pub daemonize: Option<bool>,
    /// Instead of `pidfile`; absolute, like every path here.
    pub pidfile: Option<PathBuf>,
    /// Instead of `log.level`.
    pub log_level: Option<LogLevel>,
}

impl ConfigSource {
    /// Reads the configuration, again.
    pub fn reload(&self) -> Result<(Config, Vec<Warning>), ConfigError> {
        let (mut config, warnings) = match &self.path {
            Some(file) => Config::load(file)?,
            None => (Config::embedded(), Vec::new()),
        };
        let Overrides { daemonize, pidfile, log_level } = &self.overrides;
        let process = &mut config.process;
        process.daemonize = daemonize.unwrap_or(process.daemonize);
        process.pidfile = pidfile.clone().or(process.pidfile.take());
        config.log.level = log_level.unwrap_or(config.log.level);
        Ok((config, warnings))
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
    fn the_command_line_wins_also_when_the_configuration_is_read_again() {
        let overrides = Overrides {
            daemonize: Some(true),
            pidfile: Some("/run/swiftiply.pid".into()),
            log_level: Some(LogLevel::Debug),
        };
        let source = ConfigSource { path: None, overrides };
        let (first, _) = source.reload().unwrap();
        let (second, _) = source.reload().unwrap();
        assert!(first.process.daemonize);
        assert_eq!(first.process.pidfile, Some("/run/swiftiply.pid".into()));
        assert_eq!(first.log.level, LogLevel::Debug);
        assert!(first.needs_restart(&second).is_empty());
    }

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
