//! What the proxy does without a configuration file: one site, on this host only.

use std::env;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use super::address::UNIX_PATH_BYTES_MAX;
use super::{Config, ListenAddr, Outgoing, SiteConfig};

impl Config {
    /// One default site: clients at 127.0.0.1:8080, backends at 127.0.0.1:30000 and at a Unix socket,
    /// `/run/swiftiply.sock` for root, `swiftiply.sock` in `XDG_RUNTIME_DIR` or else
    /// `/tmp/swiftiply-UID.sock` for other users.
    pub fn embedded() -> Config {
        let loopback = |port| ListenAddr { host: "127.0.0.1".to_owned(), port };
        let mut site = SiteConfig::new("localhost", Outgoing::Tcp(loopback(30_000)));
        let socket = Outgoing::Unix(socket_path(Uid::current(), env::var_os("XDG_RUNTIME_DIR")));
        site.pools[0].outgoing.push(socket);
        site.is_default = true;
        Config::new(vec![loopback(8080)], vec![site])
    }
}

fn socket_path(user: Uid, runtime_folder: Option<impl AsRef<Path>>) -> PathBuf {
    if user.is_root() {
        return PathBuf::from("/run/swiftiply.sock");
    }
    // The XDG specification has relative paths ignored.
    let in_runtime_folder = runtime_folder
        .filter(|folder| folder.as_ref().is_absolute())
        .map(|folder| folder.as_ref().join("swiftiply.sock"))
        .filter(|path| path.as_os_str().len() <= UNIX_PATH_BYTES_MAX);
    in_runtime_folder.unwrap_or_else(|| PathBuf::from(format!("/tmp/swiftiply-{user}.sock")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_a_socket_of_their_own() {
        let user = Uid::from_raw(1000);
        assert_eq!(socket_path(Uid::from_raw(0), Some("/run/user/0")), Path::new("/run/swiftiply.sock"));
        assert_eq!(socket_path(user, Some("/run/user/1000")), Path::new("/run/user/1000/swiftiply.sock"));
        assert_eq!(socket_path(user, Some("relative")), Path::new("/tmp/swiftiply-1000.sock"));
        assert_eq!(socket_path(user, Some("/x".repeat(60))), Path::new("/tmp/swiftiply-1000.sock"));
        assert_eq!(socket_path(user, None::<&str>), Path::new("/tmp/swiftiply-1000.sock"));
    }

    #[test]
    fn without_a_file_one_site_serves_every_host_of_this_machine_only() {
        let config = Config::embedded();
        assert_eq!(config.host_table().find("anything.test"), Some(0));
        assert!(config.listen.iter().all(ListenAddr::is_loopback));
        assert_eq!(config.sites[0].outgoing().count(), 2);
    }
}
