//! What a file means, asked through the public API.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use swiftiply::config::{AccessLog, Config, ConfigError, ListenAddr, Secret, SiteConfig};

fn fixture(name: &str) -> Config {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/good").join(name);
    Config::load(&file).unwrap_or_else(|error| panic!("{error}")).0
}

fn read(text: &str) -> Config {
    Config::from_text(text, Path::new("/etc/swiftiply/test.yml")).unwrap_or_else(|error| panic!("{error}")).0
}

/// A file of one site with these lines at its top level and in its entry.
fn with(top: &str, entry: &str) -> SiteConfig {
    let text = format!(
        "cluster_address: 127.0.0.1\ncluster_port: 80\n{top}\nmap:\n  - incoming: a.test\n    outgoing: 127.0.0.1:1\n    {entry}\n"
    );
    read(&text).sites.remove(0)
}

#[test]
fn a_0_6_file_loads_unchanged() {
    let config = fixture("0.6.yml");
    assert_eq!(config.listen, ["www.example.com:80".parse::<ListenAddr>().unwrap()]);
    assert!(config.process.daemonize);
    assert_eq!(config.sites.len(), 2);
    let table = config.host_table();
    for (host, site) in
        [("example.com", 0), ("www.example.com", 0), ("api.example.com", 1), ("other.test", 0)]
    {
        assert_eq!(table.find(host), Some(site), "{host}");
    }
}

#[test]
fn every_address_is_combined_with_every_port() {
    let listen = fixture("0.6-every-key.yml").listen;
    let shown: Vec<_> = listen.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["127.0.0.1:80", "127.0.0.1:8080", "127.0.0.2:80", "127.0.0.2:8080"]);
}

#[test]
fn the_keys_of_an_entry_win_over_defaults_and_those_over_the_top_level() {
    let all = "timeout: 1\nqueue: 1\nredeployable: no\nmax_body: 1k\nlimits: {max_body: 2k}";
    assert_eq!(with(all, "").timeout, Duration::from_secs(1));
    assert_eq!(with(&format!("{all}\ndefaults: {{timeout: 2}}"), "").timeout, Duration::from_secs(2));
    assert_eq!(
        with(&format!("{all}\ndefaults: {{timeout: 2}}"), "timeout: 3").timeout,
        Duration::from_secs(3)
    );
    assert_eq!(with(all, "").queue, 1);
    assert!(!with(all, "").redeployable);
    assert!(with(all, "redeployable: yes").redeployable);
    assert_eq!(with(all, "").max_body, Some(1024));
    assert_eq!(with("limits: {max_body: 2k}", "").max_body, Some(2048));
    assert_eq!(with("limits: {max_body: 2k}", "max_body: off").max_body, None);
}

#[test]
fn a_key_of_any_strength_keeps_the_weaker_ones_out() {
    let config = fixture("every-key.yml");
    assert_eq!(config.sites[0].key, Some(Secret::new(*b"from the file")), "defaults, less its last newline");
    assert_eq!(config.sites[1].key, Some(Secret::new(*b"its own")));
    assert_eq!(with("key: at the top", "").key, Some(Secret::new(*b"at the top")));
}

#[test]
fn no_key_is_ever_printed() {
    let config = fixture("every-key.yml");
    let printed = format!("{config:?}");
    assert!(!printed.contains("its own") && !printed.contains("from the file"), "{printed}");
    for entry in ["key: 20071115", "key: [hunter2]", "key: {a: hunter2}"] {
        let text = format!(
            "cluster_address: a\ncluster_port: 1\nmap:\n  - incoming: a.test\n    outgoing: 127.0.0.1:1\n    {entry}\n"
        );
        let error = Config::from_text(&text, Path::new("test.yml")).unwrap_err().to_string();
        assert!(!error.contains("20071115") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn relative_paths_begin_at_the_folder_of_the_file() {
    let config = read(
        "cluster_address: a\ncluster_port: 1\npidfile: run/a.pid\nlog: {access: access.log, error: /var/log/e.log}\nmap:\n  - incoming: a.test\n    outgoing: unix:run/a.sock\n",
    );
    assert_eq!(config.process.pidfile.as_deref(), Some(Path::new("/etc/swiftiply/run/a.pid")));
    assert_eq!(config.log.access, AccessLog::File("/etc/swiftiply/access.log".into()));
    assert_eq!(config.log.error.as_deref(), Some(Path::new("/var/log/e.log")));
    assert_eq!(config.sites[0].pools[0].outgoing[0].to_string(), "unix:/etc/swiftiply/run/a.sock");
}

#[test]
fn the_same_file_twice_gives_equal_sites_and_a_change_shows() {
    let (old, mut new) = (fixture("0.6.yml"), fixture("0.6.yml"));
    assert_eq!(old.sites, new.sites);
    new.sites[1].queue += 1;
    assert_eq!(old.sites[0], new.sites[0]);
    assert_ne!(old.sites[1], new.sites[1]);
}

#[test]
fn a_missing_file_and_a_folder_are_told_apart_from_bad_ones() {
    let missing = Config::load(Path::new("/nonexistent/swiftiply.yml")).unwrap_err();
    assert_eq!(missing.to_string(), "/nonexistent/swiftiply.yml: there is no such file; check the path");
    let folder = Config::load(Path::new("/")).unwrap_err();
    assert!(matches!(folder, ConfigError::Unreadable { .. }), "{folder}");
    let folder = std::env::temp_dir().join(format!("swiftiply-binary-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let binary = folder.join("binary.yml");
    fs::write(&binary, [0xff, 0xfe, 0]).unwrap();
    let binary = Config::load(&binary).unwrap_err();
    assert!(binary.to_string().contains("cannot be read (stream did not contain valid UTF-8)"), "{binary}");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn ten_thousand_sites_are_read_and_warned_about_once() {
    let mut text = "cluster_address: 0.0.0.0\ncluster_port: 80\nmap:\n".to_owned();
    for n in 0..10_000 {
        let (high, low) = (n / 250, n % 250);
        text += &format!(
            "  - incoming: [app{n}.test, www.app{n}.test]\n    outgoing: 10.1.{high}.{low}:30000\n    docroot: /srv/{n}\n"
        );
    }
    let (config, warnings) = Config::from_text(&text, Path::new("test.yml")).unwrap();
    assert_eq!(config.sites.len(), 10_000);
    assert_eq!(config.host_table().find("www.app9999.test"), Some(9_999));
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].ends_with("(so too map[1].docroot and 9998 more)"), "{}", warnings[0]);
}

#[test]
fn a_key_file_that_everybody_can_read_is_warned_about() {
    let folder = std::env::temp_dir().join(format!("swiftiply-key-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let key = folder.join("site.key");
    fs::write(&key, "secret\n").unwrap();
    let text = "cluster_address: a\ncluster_port: 1\nkey_file: site.key\nmap: [{incoming: a.test, outgoing: '10.0.0.1:1'}]\n";
    let warnings_with_mode = |mode| {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let (config, warnings) = Config::from_text(text, &folder.join("test.yml")).unwrap();
        assert_eq!(config.sites[0].key, Some(Secret::new(*b"secret")));
        warnings.len()
    };
    assert_eq!(warnings_with_mode(0o600), 0);
    assert_eq!(warnings_with_mode(0o644), 1);
    fs::remove_dir_all(&folder).unwrap();
}
