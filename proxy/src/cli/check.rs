//! `swiftiply check`: what a file means, key by key, with every default filled in.

use std::fmt::{self, Display, Write as _};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use swiftiply::config::{AccessLog, Config, ConfigSource, Http2, Identity, LogLevel, SiteConfig};

use super::{Failure, print_warnings};

/// Prints the meaning on standard output, warnings on standard error.
pub fn check(file: Option<&Path>) -> Result<(), Failure> {
    let source = ConfigSource { path: file.map(Path::to_owned), ..ConfigSource::default() };
    let (config, warnings) = source.reload().map_err(Failure::Config)?;
    // Whoever closes the pipe early (`| head`) has seen enough.
    let _ = io::stdout().write_all(describe(&config).as_bytes());
    print_warnings(&warnings);
    Ok(())
}

fn describe(config: &Config) -> String {
    let mut text = String::new();
    write_config(&mut text, config).expect("a string takes everything");
    text
}

fn write_config(out: &mut String, config: &Config) -> fmt::Result {
    writeln!(out, "clients connect to: {}", list(&config.listen))?;
    for tls in &config.tls {
        writeln!(out, "TLS {} and later at {}", tls.min_version, tls.address)?;
        for certificate in &tls.certificates {
            let end = httpdate::fmt_http_date(certificate.not_after());
            writeln!(out, "  for {} until {end}", list(certificate.names()))?;
        }
    }
    for names in config.acme.iter().flat_map(|acme| &acme.orders) {
        writeln!(out, "a certificate for {} is kept valid by ACME", list(names))?;
    }
    if !config.proxy_protocol.is_empty() {
        writeln!(out, "the PROXY protocol at: {}", list(&config.proxy_protocol))?;
    }
    for site in &config.sites {
        writeln!(out)?;
        write_site(out, site)?;
    }
    writeln!(out, "\nlimits")?;
    let limits = &config.limits;
    line(out, "request_line", bytes(limits.request_line as u64))?;
    line(out, "head", bytes(limits.head as u64))?;
    line(out, "headers", limits.headers)?;
    line(out, "head_timeout", seconds(limits.head_timeout))?;
    line(out, "idle_timeout", seconds(limits.idle_timeout))?;
    line(out, "connections", limits.connections)?;
    line(out, "handshake_timeout", seconds(limits.handshake_timeout))?;
    line(out, "handshakes", limits.handshakes)?;

    write_http2(out, &config.http2)?;
    writeln!(out, "\nprocess")?;
    write_process(out, config)
}

fn write_site(out: &mut String, site: &SiteConfig) -> fmt::Result {
    let default = if site.is_default { " (default: gets every unknown host too)" } else { "" };
    writeln!(out, "site {}{default}", site.name)?;
    line(out, "incoming", list(&site.hosts))?;
    for pool in &site.pools {
        let key =
            if pool.prefix.is_root() { "outgoing".to_owned() } else { format!("outgoing {}", pool.prefix) };
        line(out, &key, list(&pool.outgoing))?;
    }
    line(out, "key", if site.key.is_some() { "set" } else { "none" })?;
    line(out, "timeout", seconds(site.timeout))?;
    line(out, "queue", format!("{} requests", site.queue))?;
    line(out, "redeployable", yes_no(site.redeployable))?;
    line(out, "redeployment_sizelimit", bytes(site.redeployment_sizelimit as u64))?;
    line(out, "xforwardedfor", yes_no(site.xforwardedfor))?;
    line(out, "max_body", site.max_body.map_or("unlimited".to_owned(), bytes))?;
    line(out, "body_rate", format!("{}/s", bytes(site.body_rate)))?;
    line(out, "tunnel_timeout", site.tunnel_timeout.map_or("none".to_owned(), seconds))?;
    let port = |port| format!("to port {port}");
    line(out, "redirect_to_https", site.redirect_to_https.map_or("no".to_owned(), port))?;
    line(out, "hsts", site.hsts.map_or("no".to_owned(), |hsts| hsts.to_string()))?;
    write_files(out, site)
}

fn write_files(out: &mut String, site: &SiteConfig) -> fmt::Result {
    line(
        out,
        "docroot",
        site.docroot.as_ref().map_or("none".to_owned(), |root| root.folder.display().to_string()),
    )?;
    if let Some(root) = &site.docroot {
        line(out, "staticmask", root.mask.as_ref().map_or("none", |mask| mask.as_str()))?;
        if let Some(cache) = &root.page_cache {
            line(out, "cache_directory", cache.folder.display())?;
            line(out, "cache_extensions", list(&cache.extensions))?;
        }
        line(out, "expires", root.max_age.map_or("none".to_owned(), seconds))?;
    }
    let sendfileroot = site.sendfileroot.as_ref();
    line(
        out,
        "sendfileroot",
        sendfileroot.map_or("none".to_owned(), |root| root.folder.display().to_string()),
    )?;
    let pages = site.error_pages.iter().map(|(status, page)| format!("{status} {}", page.file.display()));
    line(out, "error_pages", none_or(pages.collect()))?;
    line(out, "compress", none_or(site.compress.iter().map(|coding| coding.name().to_owned()).collect()))
}

fn none_or(items: Vec<String>) -> String {
    if items.is_empty() { "none".to_owned() } else { list(&items) }
}

fn write_http2(out: &mut String, http2: &Http2) -> fmt::Result {
    writeln!(out, "\nhttp2")?;
    line(out, "enabled", yes_no(http2.enabled))?;
    line(out, "streams", http2.streams)?;
    line(out, "window", bytes(http2.window.into()))?;
    line(out, "resets", http2.resets)?;
    line(out, "overhead", bytes(http2.overhead))
}

fn write_process(out: &mut String, config: &Config) -> fmt::Result {
    let process = &config.process;
    let trusted =
        if config.trusted_proxies.is_empty() { "none".to_owned() } else { list(&config.trusted_proxies) };
    line(out, "trusted_proxies", trusted)?;
    line(out, "shards", config.shards)?;
    line(out, "drain_timeout", seconds(config.drain_timeout))?;
    line(out, "ping_interval", seconds(config.ping_interval))?;
    line(out, "memory_max", config.memory_max.map_or("unlimited".to_owned(), bytes))?;
    line(
        out,
        "log.access",
        match &config.log.access {
            AccessLog::Off => "off".to_owned(),
            AccessLog::Stdout => "standard output".to_owned(),
            AccessLog::File(path) => path.display().to_string(),
        },
    )?;
    line(
        out,
        "log.error",
        config.log.error.as_ref().map_or("standard error".to_owned(), |p| p.display().to_string()),
    )?;
    line(out, "log.level", level_name(config.log.level))?;
    line(out, "daemonize", yes_no(process.daemonize))?;
    line(
        out,
        "pidfile",
        process.pidfile.as_ref().map_or("none".to_owned(), |path| path.display().to_string()),
    )?;
    line(out, "user", process.user.as_ref().map_or("unchanged".to_owned(), identity_name))?;
    line(out, "group", process.group.as_ref().map_or("unchanged".to_owned(), identity_name))
}

fn line(out: &mut String, key: &str, value: impl Display) -> fmt::Result {
    writeln!(out, "  {key}: {value}")
}

fn list<T: Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn bytes(count: u64) -> String {
    format!("{count} bytes")
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

fn identity_name(identity: &Identity) -> String {
    match identity {
        Identity::Name(name) => name.clone(),
        Identity::Number(number) => number.to_string(),
    }
}
