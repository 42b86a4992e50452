//! `acme`: certificates that are asked for and renewed by the proxy itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{ConfigError, Fault};
use super::model::SiteConfig;
use super::read::{check_keys, optional, read_path};
use super::section::Section;
use super::warnings::Warnings;

const KEYS: &[&str] = &["state", "contact", "directory", "ca_file", "names", "retry"];

/// The keys of `acme`. Whoever sets it agrees to the authority's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeConfig {
    /// `state`: the folder for account and certificates.
    pub state: PathBuf,
    /// `contact`: an address of electronic mail at which the authority may warn. None by default.
    pub contact: Option<String>,
    /// `directory`: the authority's entrance; Let's Encrypt by default.
    pub directory: String,
    /// `ca_file`: the certificate that the authority's own is signed by, where the system does not know it.
    pub ca_file: Option<PathBuf>,
    /// `names`: the hosts of each certificate. By default one certificate for each site, with its `incoming`.
    pub orders: Vec<Vec<String>>,
    /// `retry`: the pause after a failure, doubled by each further one. 2 minutes by default: authorities allow about five
    /// failures an hour.
    pub retry: Duration,
}

impl AcmeConfig {
    /// See [`AcmeConfig::directory`].
    pub const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
    /// See [`AcmeConfig::retry`].
    pub const RETRY: Duration = Duration::from_secs(120);

    pub(super) fn read(
        top: &Section,
        sites: &[SiteConfig],
        folder: &Path,
        warnings: &mut Warnings,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(field) = top.field("acme") else { return Ok(None) };
        let section = field.section()?;
        check_keys(&section, &[KEYS], warnings)?;
        let wanted = "name a folder for account and certificates, like `state: /var/lib/swiftiply`";
        let state = section.field("state").ok_or_else(|| section.missing("state", wanted))?;
        let directory = optional(&section, "directory", |field| {
            let wanted = "an https:// URL";
            let url = field.text(wanted)?;
            if url.starts_with("https://") { Ok(url.to_owned()) } else { Err(field.wrong(wanted)) }
        })?;
        let longest = Duration::from_secs(86_400);
        let retry = optional(&section, "retry", |field| field.duration(Duration::from_millis(1)..=longest))?;
        let orders = match section.field("names") {
            Some(names) => vec![read_names(&names)?],
            None => sites.iter().map(names_of).filter(|names| !names.is_empty()).collect(),
        };
        if orders.is_empty() {
            let wanted = "no site has a host that a certificate could be for; name such hosts in `incoming` or `names`";
            return Err(field.fault(Fault::Empty { wanted }));
        }
        if section.field("names").is_none()
            && sites.iter().any(|site| site.hosts.iter().any(|host| host.starts_with('*')))
        {
            let text = "a host with * gets no certificate in this way; give one by `tls` with `certfile`";
            warnings.add(&field, text);
        }
        Ok(Some(AcmeConfig {
            state: read_path(&state, folder, "the path of a folder")?,
            contact: optional(&section, "contact", |field| {
                Ok(field.text("an address, like ops@example.com")?.to_owned())
            })?,
            directory: directory.unwrap_or_else(|| Self::DIRECTORY.to_owned()),
            ca_file: optional(&section, "ca_file", |field| read_path(field, folder, "the path of a file"))?,
            orders,
            retry: retry.unwrap_or(Self::RETRY),
        }))
    }
}

fn read_names(field: &super::section::Field<'_>) -> Result<Vec<String>, ConfigError> {
    let wanted = "host names, like www.example.com";
    let name = |item: &super::section::Field<'_>| {
        let name = item.text(wanted)?.to_ascii_lowercase();
        if is_public(&name) { Ok(name) } else { Err(item.wrong(wanted)) }
    };
    field.items().iter().map(name).collect()
}

/// The hosts of a site that an authority can know.
fn names_of(site: &SiteConfig) -> Vec<String> {
    site.hosts.iter().filter(|host| is_public(host)).cloned().collect()
}

/// Names with a dot that are no addresses and no wildcards.
fn is_public(host: &str) -> bool {
    host.contains('.')
        && !host.starts_with('*')
        && host.parse::<std::net::IpAddr>().is_err()
        && super::hosts::normalize_host(host).is_ok_and(|normal| normal == host)
}
