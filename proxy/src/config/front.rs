//! Where clients connect and how they speak there: `cluster_address`, `cluster_port`, `tls` (in 0.6: `ssl`) and
//! `proxy_protocol`.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crate::tls::{Certificate, CertificateError, Part, is_public};

use super::address::{AddressError, ListenAddr};
use super::error::{ConfigError, Fault};
use super::model::{TlsConfig, TlsVersion};
use super::read::{check_keys, non_empty_list, read_path};
use super::section::{Field, Section};
use super::warnings::Warnings;

const TLS_KEYS: &[&str] = &["at", "certfile", "keyfile", "certificates", "min_version"];
const CERTIFICATE_KEYS: &[&str] = &["certfile", "keyfile"];

/// The port of an entry of `tls` that names none.
const HTTPS_PORT: u16 = 443;

/// What these keys say.
#[derive(Default)]
pub(super) struct Front<'d> {
    /// Every address, with the key that names it first.
    pub listen: Vec<(ListenAddr, Field<'d>)>,
    pub tls: Vec<TlsConfig>,
    pub proxy_protocol: Vec<ListenAddr>,
}

impl<'d> Front<'d> {
    pub fn read(top: &Section<'d>, folder: &Path, warnings: &mut Warnings) -> Result<Self, ConfigError> {
        let mut front = Front::default();
        let (tls, acme) = (read_tls_field(top)?, top.field("acme"));
        if tls.is_none() && acme.is_none() || top.field("cluster_port").is_some() {
            front.read_plain(top)?;
        }
        for entry in tls.iter().flat_map(Field::items) {
            front.read_tls(top, &entry, folder, warnings)?;
        }
        if let (None, Some(acme)) = (&tls, &acme) {
            for address in each_address(top, HTTPS_PORT)? {
                front.serve_tls(TlsConfig::new(address), acme);
            }
        }
        if let Some(field) = top.field("proxy_protocol") {
            front.read_proxy_protocol(top, &field)?;
        }
        Ok(front)
    }

    pub fn addresses(&self) -> Vec<ListenAddr> {
        self.listen.iter().map(|(address, _)| address.clone()).collect()
    }

    /// The port that `https:` URLs of this proxy have: the usual one, unless TLS is served on others only.
    pub fn https_port(&self) -> u16 {
        let mut ports = self.tls.iter().map(|tls| tls.address.port).peekable();
        let first = ports.peek().copied().unwrap_or(HTTPS_PORT);
        if ports.any(|port| port == HTTPS_PORT) { HTTPS_PORT } else { first }
    }

    /// `cluster_address` with `cluster_port`: each address with each port.
    fn read_plain(&mut self, top: &Section<'d>) -> Result<(), ConfigError> {
        let addresses = cluster_addresses(top)?;
        let wanted = "name the port where clients connect, like `cluster_port: 8080`";
        let ports = non_empty_list(top, "cluster_port", wanted)?;
        for address in &addresses {
            for port in &ports {
                let number = port.number(0..=u16::MAX).map_err(|_| port.wrong("a port from 1 to 65535"))?;
                let added = at_port(address, number)?;
                if added.port != 0 && self.listen.iter().any(|(other, _)| *other == added) {
                    let field = if addresses.len() > 1 { address } else { port };
                    let first = if addresses.len() > 1 { "cluster_address" } else { "cluster_port" };
                    let fault = Fault::SameAddress { address: added.to_string(), first: first.to_owned() };
                    return Err(field.fault(fault));
                }
                self.listen.push((added, address.clone()));
            }
        }
        Ok(())
    }

    fn read_tls(
        &mut self,
        top: &Section<'d>,
        entry: &Field<'d>,
        folder: &Path,
        warnings: &mut Warnings,
    ) -> Result<(), ConfigError> {
        let section = entry.section()?;
        check_keys(&section, &[TLS_KEYS], warnings)?;
        let certificates = read_certificates(&section, top.field("acme").is_some(), folder, warnings)?;
        let min_version = section.field("min_version").map(|field| read_version(&field)).transpose()?;
        let (addresses, field) = match section.field("at") {
            Some(field) => (read_at(top, &field)?, field),
            None => (each_address(top, HTTPS_PORT)?, entry.clone()),
        };
        for address in addresses {
            match self.tls.iter_mut().find(|tls| tls.address == address) {
                // Several entries for one address are several certificates there.
                Some(tls) if min_version.is_none_or(|version| version == tls.min_version) => {
                    tls.certificates.extend_from_slice(&certificates);
                }
                Some(tls) => {
                    let field = section.field("min_version").unwrap_or_else(|| entry.clone());
                    return Err(field.wrong(&format!(
                        "{}, as an entry before this one says for {address}",
                        tls.min_version
                    )));
                }
                None => {
                    let certificates = certificates.clone();
                    let min_version = min_version.unwrap_or_default();
                    self.serve_tls(TlsConfig { address, certificates, min_version }, &field);
                }
            }
        }
        Ok(())
    }

    fn serve_tls(&mut self, tls: TlsConfig, field: &Field<'d>) {
        if !self.listen.iter().any(|(other, _)| *other == tls.address) {
            self.listen.push((tls.address.clone(), field.clone()));
        }
        self.tls.push(tls);
    }

    /// `true` for every address, or those where it is spoken.
    fn read_proxy_protocol(&mut self, top: &Section<'d>, field: &Field<'d>) -> Result<(), ConfigError> {
        self.proxy_protocol = match field.as_boolean() {
            Some(true) => self.addresses(),
            Some(false) => Vec::new(),
            None => read_at(top, field)?,
        };
        let is_served = |address: &&ListenAddr| self.listen.iter().any(|(other, _)| other == *address);
        if self.proxy_protocol.iter().any(|address| !is_served(&address)) {
            let listen = self.addresses();
            let listen: Vec<_> = listen.iter().map(ToString::to_string).collect();
            return Err(field.wrong(&format!("true, or some of {}", listen.join(", "))));
        }
        let trusted = top.field("trusted_proxies");
        if !self.proxy_protocol.is_empty() && trusted.is_none_or(|trusted| trusted.items().is_empty()) {
            return Err(field.fault(Fault::NobodyTrusted));
        }
        Ok(())
    }
}

/// `tls`, or `ssl` as 0.6 calls it.
fn read_tls_field<'d>(top: &Section<'d>) -> Result<Option<Field<'d>>, ConfigError> {
    match (top.field("tls"), top.field("ssl")) {
        (Some(_), Some(ssl)) => Err(ssl.fault(Fault::TwoNames { other: "tls" })),
        (tls, ssl) => Ok(tls.or(ssl).filter(|field| field.as_boolean() != Some(false))),
    }
}

fn cluster_addresses<'d>(top: &Section<'d>) -> Result<Vec<Field<'d>>, ConfigError> {
    let wanted = "name where clients connect, like `cluster_address: 127.0.0.1`";
    non_empty_list(top, "cluster_address", wanted)
}

/// Each `cluster_address` with this port.
fn each_address(top: &Section<'_>, port: u16) -> Result<Vec<ListenAddr>, ConfigError> {
    cluster_addresses(top)?.iter().map(|field| at_port(field, port)).collect()
}

fn at_port(address: &Field<'_>, port: u16) -> Result<ListenAddr, ConfigError> {
    let host = address.text("a host name or an IP address, like 127.0.0.1")?;
    ListenAddr::new(host, port)
        .map_err(|cause: AddressError| address.fault(Fault::Address { text: host.to_owned(), cause }))
}

/// Addresses, and ports that stand for each `cluster_address` with that port.
fn read_at(top: &Section<'_>, field: &Field<'_>) -> Result<Vec<ListenAddr>, ConfigError> {
    let mut addresses = Vec::new();
    for item in field.items() {
        match item.number(0..=u16::MAX) {
            Ok(port) => addresses.extend(each_address(top, port)?),
            Err(_) => {
                let wanted = "an address, like 127.0.0.1:443, or a port";
                let address = item.literal().and_then(|text| text.parse().ok());
                addresses.push(address.ok_or_else(|| item.wrong(wanted))?);
            }
        }
    }
    if addresses.is_empty() {
        return Err(field.fault(Fault::Empty { wanted: "name an address, like 127.0.0.1:443, or a port" }));
    }
    Ok(addresses)
}

/// The entry's own certificate, and those in its list.
fn read_certificates(
    entry: &Section<'_>,
    may_be_none: bool,
    folder: &Path,
    warnings: &mut Warnings,
) -> Result<Vec<Arc<Certificate>>, ConfigError> {
    let mut certificates = Vec::new();
    let is_single = |key| entry.field(key).is_some();
    if is_single("certfile") || is_single("keyfile") || !may_be_none && !is_single("certificates") {
        certificates.push(read_certificate(entry, folder, warnings)?);
    }
    for item in entry.field("certificates").iter().flat_map(Field::items) {
        let section = item.section()?;
        check_keys(&section, &[CERTIFICATE_KEYS], warnings)?;
        certificates.push(read_certificate(&section, folder, warnings)?);
    }
    Ok(certificates)
}

fn read_certificate(
    section: &Section<'_>,
    folder: &Path,
    warnings: &mut Warnings,
) -> Result<Arc<Certificate>, ConfigError> {
    let wanted =
        "name the file with the certificates, the server's own first, like `certfile: example.com.pem`";
    let certfile = section.field("certfile").ok_or_else(|| section.missing("certfile", wanted))?;
    let keyfile = section.field("keyfile");
    let cert_path = read_path(&certfile, folder, "the path of a file")?;
    let key_path =
        keyfile.as_ref().map(|field| read_path(field, folder, "the path of a file")).transpose()?;
    let key_field = keyfile.as_ref().unwrap_or(&certfile);
    let certificate =
        Certificate::load(&cert_path, key_path.as_deref()).map_err(|error: CertificateError| {
            let field = if error.part == Part::Key { key_field } else { &certfile };
            field.fault(Fault::Certificate(error))
        })?;
    if is_public(key_path.as_ref().unwrap_or(&cert_path)) {
        warnings.add(
            key_field,
            "every user of this host can read the private key; take that away with chmod o-r",
        );
    }
    if certificate.not_after() < SystemTime::now() {
        let end = httpdate::fmt_http_date(certificate.not_after());
        warnings.add(&certfile, &format!("the certificate expired on {end}, so clients refuse it; renew it"));
    }
    Ok(Arc::new(certificate))
}

fn read_version(field: &Field<'_>) -> Result<TlsVersion, ConfigError> {
    match field.literal().as_deref().map(|text| text.trim_start_matches("TLSv")) {
        Some("1.2") => Ok(TlsVersion::Tls12),
        Some("1.3") => Ok(TlsVersion::Tls13),
        _ => Err(field.wrong("1.2 or 1.3")),
    }
}
