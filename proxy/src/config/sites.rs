//! The `map`: from its entries, with what `defaults` and the top level say for all of them, to sites.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::http::Hsts;

use super::address::{AddressError, ListenAddr, Outgoing, UNIX_PATH_BYTES_MAX};
use super::error::{ConfigError, Fault, plain};
use super::files::{self, DocRoot, ErrorPages, SendfileRoot};
use super::front::Front;
use super::hosts::normalize_pattern;
use super::model::{PoolConfig, SiteConfig};
use super::prefix::PathPrefix;
use super::read::{check_keys, non_empty_list, optional, read_address, read_path};
use super::secret::Secret;
use super::section::{Field, Section};
use super::warnings::Warnings;

/// The keys that only an entry of `map` can have.
pub(super) const OWN_KEYS: &[&str] = &["incoming", "outgoing", "default"];
/// The keys that an entry can have for itself, and `defaults` or the top level for every entry.
pub(super) const SHARED_KEYS: &[&str] = &[
    "timeout",
    "queue",
    "key",
    "key_file",
    "redeployable",
    "redeployment_sizelimit",
    "xforwardedfor",
    "max_body",
    "body_rate",
    "tunnel_timeout",
    "redirect_to_https",
    "hsts",
];
/// The keys of an entry of `outgoing` that is more than an address.
const POOL_KEYS: &[&str] = &["to", "prefix"];

const WAIT_MAX: Duration = Duration::from_secs(86_400);
/// Whoever wants to allow more silence than a month wants no limit.
const TUNNEL_TIMEOUT_MAX: Duration = Duration::from_secs(30 * 86_400);
const QUEUE_MAX: usize = 1_000_000;
/// What is kept for a replay is kept in memory, for each request that waits or runs.
const REPLAY_BYTES_MAX: usize = 64 << 20;
/// A gigabyte a second: more than this is a slip of the finger.
const BODY_RATE_MAX: u64 = 1 << 30;
/// A key is a line of text; whoever names a larger file means another one.
const KEY_BYTES_MAX: u64 = 4096;

/// Reads all sites and checks them against each other and against the listeners.
pub(super) fn read(
    top: &Section,
    limits: Option<&Section>,
    front: &Front<'_>,
    folder: &Path,
    warnings: &mut Warnings,
) -> Result<Vec<SiteConfig>, ConfigError> {
    let wanted = "list at least one site with `incoming` and `outgoing`";
    let entries = non_empty_list(top, "map", wanted)?;
    let defaults = top.field("defaults").map(|field| field.section()).transpose()?;
    if let Some(defaults) = &defaults {
        check_keys(defaults, &[SHARED_KEYS, files::KEYS], warnings)?;
    }
    let mut taken = Taken::new(front);
    let mut sites = Vec::with_capacity(entries.len());
    for entry in entries {
        let own = entry.section()?;
        check_keys(&own, &[OWN_KEYS, SHARED_KEYS, files::KEYS], warnings)?;
        let layers = [Some(&own), defaults.as_ref(), Some(top), limits];
        let reader = SiteReader { own: &own, layers, folder, https_port: front.https_port() };
        sites.push(reader.read(&mut taken, warnings)?);
    }
    Ok(sites)
}

/// `error_pages` for requests whose host no site has.
pub(super) fn read_error_pages(top: &Section, folder: &Path) -> Result<ErrorPages, ConfigError> {
    let defaults = top.field("defaults").map(|field| field.section()).transpose()?;
    let field =
        [defaults.as_ref(), Some(top)].into_iter().flatten().find_map(|layer| layer.field("error_pages"));
    field.map_or(Ok(ErrorPages::default()), |field| ErrorPages::read(&field, folder))
}

/// What earlier sites have taken, each with its first place.
struct Taken<'d> {
    hosts: HashMap<String, Field<'d>>,
    addresses: HashMap<Outgoing, Field<'d>>,
    default: Option<Field<'d>>,
    /// What was read for earlier sites, by the key's path: thousands of sites may share a few pages.
    error_pages: HashMap<String, ErrorPages>,
}

impl<'d> Taken<'d> {
    fn new(front: &Front<'d>) -> Self {
        let taken =
            |(address, field): &(ListenAddr, Field<'d>)| (Outgoing::Tcp(address.clone()), field.clone());
        Taken {
            hosts: HashMap::new(),
            addresses: front.listen.iter().map(taken).collect(),
            default: None,
            error_pages: HashMap::new(),
        }
    }
}

struct SiteReader<'s, 'd> {
    own: &'s Section<'d>,
    /// Where a shared key may stand, the strongest first.
    layers: [Option<&'s Section<'d>>; 4],
    folder: &'s Path,
    https_port: u16,
}

impl<'d> SiteReader<'_, 'd> {
    fn read(&self, taken: &mut Taken<'d>, warnings: &mut Warnings) -> Result<SiteConfig, ConfigError> {
        let hosts = self.hosts(taken, warnings)?;
        let pools = self.pools(taken)?;
        let site = SiteConfig {
            name: hosts[0].clone(),
            is_default: self.is_default(taken)?,
            timeout: self.shared(
                "timeout",
                |f| f.duration(Duration::ZERO..=WAIT_MAX),
                SiteConfig::TIMEOUT,
            )?,
            queue: self.shared("queue", |f| f.number(0..=QUEUE_MAX), SiteConfig::QUEUE)?,
            key: self.key(warnings)?,
            redeployable: self.shared("redeployable", Field::boolean, true)?,
            redeployment_sizelimit: self.shared(
                "redeployment_sizelimit",
                |f| f.bytes(0..=REPLAY_BYTES_MAX),
                SiteConfig::REDEPLOYMENT_SIZELIMIT,
            )?,
            xforwardedfor: self.shared("xforwardedfor", Field::boolean, true)?,
            max_body: self.shared("max_body", read_max_body, None)?,
            body_rate: self.shared("body_rate", |f| f.bytes(0..=BODY_RATE_MAX), SiteConfig::BODY_RATE)?,
            tunnel_timeout: self.shared("tunnel_timeout", read_tunnel_timeout, None)?,
            docroot: self.docroot(warnings)?,
            sendfileroot: self
                .folder("sendfileroot", warnings)?
                .map(|folder| Arc::new(SendfileRoot::new(folder))),
            error_pages: self.error_pages(taken)?,
            compress: self.shared("compress", files::read_compress, Vec::new())?,
            redirect_to_https: self.shared("redirect_to_https", |f| self.redirect(f), None)?,
            hsts: self.shared("hsts", read_hsts, None)?,
            hosts,
            pools,
        };
        self.warn_of_an_open_door(&site, warnings);
        Ok(site)
    }

    fn hosts(&self, taken: &mut Taken<'d>, warnings: &mut Warnings) -> Result<Vec<String>, ConfigError> {
        let wanted = "name at least one host, like `incoming: www.example.com`";
        let mut hosts = Vec::new();
        for field in non_empty_list(self.own, "incoming", wanted)? {
            let text = field.text("a host name, like www.example.com")?;
            let host = normalize_pattern(text)
                .map_err(|cause| field.fault(Fault::Host { text: text.to_owned(), cause }))?
                .into_owned();
            if text.contains(':') && !host.starts_with('[') || text.contains("]:") {
                let text = "the port has no effect: a host is the same site on every port; remove it";
                warnings.add(&field, text);
                // 0.6 files list a host once for each port.
                if hosts.contains(&host) {
                    continue;
                }
            }
            if let Some(first) = taken.hosts.get(&host) {
                let fault = Fault::SameHost { host, first: first.path() };
                return Err(field.fault(fault));
            }
            taken.hosts.insert(host.clone(), field);
            hosts.push(host);
        }
        Ok(hosts)
    }

    /// Addresses, and mappings of `to` and `prefix`. Those with the same prefix are one pool.
    fn pools(&self, taken: &mut Taken<'d>) -> Result<Vec<PoolConfig>, ConfigError> {
        let wanted = "name where the backends dial in, like `outgoing: 127.0.0.1:30000`";
        let mut pools: Vec<PoolConfig> = Vec::new();
        for field in non_empty_list(self.own, "outgoing", wanted)? {
            let (prefix, addresses) = read_pool(&field)?;
            let known = pools.iter().position(|pool| pool.prefix == prefix);
            let index = known.unwrap_or_else(|| {
                pools.push(PoolConfig { prefix, outgoing: Vec::new() });
                pools.len() - 1
            });
            for address in addresses {
                pools[index].outgoing.push(self.address(&address, taken)?);
            }
        }
        Ok(pools)
    }

    fn address(&self, field: &Field<'d>, taken: &mut Taken<'d>) -> Result<Outgoing, ConfigError> {
        let mut address: Outgoing = read_address(field)?;
        if let Outgoing::Unix(path) = &mut address {
            *path = self.folder.join(&path);
            if path.as_os_str().len() > UNIX_PATH_BYTES_MAX {
                let text = path.display().to_string();
                return Err(field.fault(Fault::Address { text, cause: AddressError::PathTooLong }));
            }
        }
        // Port 0 is another one each time.
        let is_fixed = !matches!(&address, Outgoing::Tcp(address) if address.port == 0);
        if let Some(first) = taken.addresses.get(&address).filter(|_| is_fixed) {
            let fault = Fault::SameAddress { address: address.to_string(), first: first.path() };
            return Err(field.fault(fault));
        }
        taken.addresses.insert(address.clone(), field.clone());
        Ok(address)
    }

    fn is_default(&self, taken: &mut Taken<'d>) -> Result<bool, ConfigError> {
        let Some(field) = self.own.field("default") else { return Ok(false) };
        let is_default = field.boolean()?;
        if is_default && let Some(first) = taken.default.replace(field.clone()) {
            return Err(field.fault(Fault::SecondDefault { first: first.path() }));
        }
        Ok(is_default)
    }

    /// The key of the strongest layer that gives one, by itself or by a file.
    fn key(&self, warnings: &mut Warnings) -> Result<Option<Secret>, ConfigError> {
        for layer in self.layers.into_iter().flatten() {
            match (layer.field("key"), layer.field("key_file")) {
                (None, None) => {}
                (Some(_), Some(file)) => return Err(file.fault(Fault::TwoKeys)),
                (Some(key), None) => return read_key(&key).map(Some),
                (None, Some(file)) => return read_key_file(&file, self.folder, warnings).map(Some),
            }
        }
        Ok(None)
    }

    fn docroot(&self, warnings: &mut Warnings) -> Result<Option<Arc<DocRoot>>, ConfigError> {
        let Some(folder) = self.folder("docroot", warnings)? else { return Ok(None) };
        Ok(Some(Arc::new(DocRoot {
            folder,
            mask: self.shared("staticmask", |f| files::read_mask(f).map(Some), None)?,
            page_cache: files::read_page_cache(
                self.field("cache_extensions"),
                self.field("cache_directory"),
            )?,
            max_age: self.shared("expires", files::read_expires, None)?,
        })))
    }

    fn error_pages(&self, taken: &mut Taken<'d>) -> Result<ErrorPages, ConfigError> {
        let Some(field) = self.field("error_pages") else { return Ok(ErrorPages::default()) };
        if let Some(pages) = taken.error_pages.get(&field.path()) {
            return Ok(pages.clone());
        }
        let pages = ErrorPages::read(&field, self.folder)?;
        taken.error_pages.insert(field.path(), pages.clone());
        Ok(pages)
    }

    fn folder(&self, key: &str, warnings: &mut Warnings) -> Result<Option<PathBuf>, ConfigError> {
        self.shared(key, |field| files::read_folder(field, self.folder, warnings), None)
    }

    /// A port, or whether at all.
    fn redirect(&self, field: &Field<'d>) -> Result<Option<u16>, ConfigError> {
        match field.as_boolean() {
            Some(wanted) => Ok(wanted.then_some(self.https_port)),
            None => field.number(1..=u16::MAX).map(Some).map_err(|_| field.wrong("true, false or a port")),
        }
    }

    fn shared<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Field<'d>) -> Result<T, ConfigError>,
        default: T,
    ) -> Result<T, ConfigError> {
        self.field(key).map_or(Ok(default), |field| read(&field))
    }

    /// The value in the strongest layer that has one.
    fn field(&self, key: &str) -> Option<Field<'d>> {
        self.layers.iter().flatten().find_map(|layer| layer.field(key))
    }

    /// 0.6 files have no keys and their backends may sit on other hosts, so this cannot be an error.
    fn warn_of_an_open_door(&self, site: &SiteConfig, warnings: &mut Warnings) {
        let is_open =
            |address: &Outgoing| matches!(address, Outgoing::Tcp(address) if !address.is_loopback());
        if site.key.is_none() && site.outgoing().any(is_open) {
            let field = self.own.field("outgoing").expect("an entry without `outgoing` was refused");
            warnings.add(
                &field,
                "DANGER: without a key, whoever reaches this address can serve the site and read its \
                 requests; set `key` or `key_file`, or listen on 127.0.0.1 or unix:/path",
            );
        }
    }
}

/// An entry of `outgoing`: its prefix, and the addresses in it.
fn read_pool<'d>(field: &Field<'d>) -> Result<(PathPrefix, Vec<Field<'d>>), ConfigError> {
    if !field.is_section() {
        return Ok((PathPrefix::ROOT, vec![field.clone()]));
    }
    let pool = field.section()?;
    check_keys(&pool, &[POOL_KEYS], &mut Warnings::default())?;
    let wanted = "name where the backends of this prefix dial in, like `to: 127.0.0.1:30001`";
    let addresses = non_empty_list(&pool, "to", wanted)?;
    let prefix = optional(&pool, "prefix", |field| {
        let wanted = "a path like /api, without escapes, dot segments and double slashes";
        field.text(wanted)?.parse().map_err(|_| field.wrong(wanted))
    })?;
    Ok((prefix.unwrap_or_default(), addresses))
}

/// 0 is refused: elsewhere it means "unlimited", here it would mean "none".
fn read_max_body(field: &Field) -> Result<Option<u64>, ConfigError> {
    if field.as_boolean() == Some(false) {
        return Ok(None);
    }
    let size = field.bytes(1..=u64::MAX);
    size.map(Some).map_err(|_| field.wrong("a size in bytes, like 1000000 or 100m, or off for no limit"))
}

/// 0 and `off`: no limit.
fn read_tunnel_timeout(field: &Field) -> Result<Option<Duration>, ConfigError> {
    if field.as_boolean() == Some(false) {
        return Ok(None);
    }
    let time = field.duration(Duration::ZERO..=TUNNEL_TIMEOUT_MAX)?;
    Ok(Some(time).filter(|time| !time.is_zero()))
}

/// `true`, a number of seconds, or the header's value.
fn read_hsts(field: &Field) -> Result<Option<Hsts>, ConfigError> {
    if let Some(wanted) = field.as_boolean() {
        return Ok(wanted.then_some(Hsts::YEAR));
    }
    if let Ok(max_age) = field.number(0..=u64::from(u32::MAX)) {
        return Ok(Some(Hsts { max_age, ..Hsts::YEAR }));
    }
    let wanted = "true, false, a number of seconds, or a value like \"max-age=31536000; includeSubDomains\"";
    Hsts::parse(field.text(wanted)?).map(Some).ok_or_else(|| field.wrong(wanted))
}

fn read_key(field: &Field) -> Result<Secret, ConfigError> {
    let wanted = "the key as text in quotes, or remove it";
    // Never through `Field::wrong`, which would print what stands there.
    let not_a_key =
        |found: &str| field.fault(Fault::WrongValue { found: found.to_owned(), wanted: wanted.to_owned() });
    match field.text(wanted) {
        Ok("") => Err(not_a_key("an empty text")),
        Ok(key) => Ok(Secret::new(key.as_bytes())),
        Err(_) => Err(not_a_key("what is no text")),
    }
}

fn read_key_file(field: &Field, folder: &Path, warnings: &mut Warnings) -> Result<Secret, ConfigError> {
    let file = read_path(field, folder, "the path of a file")?;
    let fault = |cause: String| field.fault(Fault::KeyFile { file: file.clone(), cause });
    let unreadable = |cause| fault(format!("cannot be read ({})", plain(&cause)));
    let opened = fs::File::open(&file).map_err(unreadable)?;
    let metadata = opened.metadata().map_err(unreadable)?;
    let mut content = Vec::new();
    // Not by its size: a device has none, and no end either.
    opened.take(KEY_BYTES_MAX + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > KEY_BYTES_MAX {
        return Err(fault(format!("is longer than {KEY_BYTES_MAX} bytes")));
    }
    // Editors end the last line; the connector reads its key files the same way.
    let key = content.strip_suffix(b"\n").unwrap_or(&content);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    if key.is_empty() {
        return Err(fault("is empty".to_owned()));
    }
    if metadata.permissions().mode() & 0o004 != 0 {
        warnings.add(field, "every user of this host can read the key file; take that away with chmod o-r");
    }
    Ok(Secret::new(key))
}
