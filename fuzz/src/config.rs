//! A configuration file: an error that says where, or a configuration that makes sense.

use std::path::Path;

use swiftiply::config::{Config, normalize_host};

/// Any bytes, as a file.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // It would read whatever file it is told to.
    if text.contains("file") {
        return;
    }
    match Config::from_text(text, Path::new("fuzz.yml")) {
        Ok((config, warnings)) => {
            makes_sense(&config);
            warnings.iter().for_each(|warning| is_one_sentence(&warning.to_string()));
            let (again, _) = Config::from_text(text, Path::new("fuzz.yml")).expect("it was good before");
            assert_eq!(config, again);
            assert!(config.needs_restart(&again).is_empty());
        }
        Err(error) => is_one_sentence(&error.to_string()),
    }
}

fn is_one_sentence(message: &str) {
    assert!(message.starts_with("fuzz.yml"), "{message:?} does not say where");
    assert!(!message.contains('\n'), "{message:?} is more than one line");
}

fn makes_sense(config: &Config) {
    assert!(!config.listen.is_empty() && !config.sites.is_empty());
    assert!((1..=Config::SHARDS_MAX).contains(&config.shards));
    let hosts = config.host_table();
    for (index, site) in config.sites.iter().enumerate() {
        assert!(site.outgoing().next().is_some());
        for host in &site.hosts {
            let host = host.strip_prefix('*').map_or(host.clone(), |parent| format!("any{parent}"));
            // Another site may have a longer wildcard, or this very name.
            let found = hosts.find(&host).expect("a host that was named is known");
            assert!(found == index || host.starts_with("any"), "{host} belongs to {found}");
            assert!(!host.is_ascii() || normalize_host(&host).is_ok(), "{host}");
        }
        let pools = site.pool_table();
        for (index, pool) in site.pools.iter().enumerate() {
            let path = pool.prefix.to_string();
            assert_eq!(pools.find(&path), Ok(index), "{path}");
        }
    }
}
