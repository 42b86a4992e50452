//! Which headers of a request go on to the backend.

use swiftiply_wire::{Name, Scheme, Token};

use super::field::{self, Kind};
use super::request::{Head, Header};

/// What is known about the client from its connection, not from what it says.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// Its IP address as text, without a port. Empty for a client on a Unix socket, about which X-Forwarded-For then
    /// says nothing.
    pub address: &'a str,
    /// Whether it came over TLS.
    pub scheme: Scheme,
    /// Whether it is a proxy of ours (`trusted_proxies`), whose word about its own client counts.
    pub trusted: bool,
}

/// Gives each header that goes on, name and value, to `emit`; the name of one of ours in its usual spelling.
///
/// - First comes Host, from the authority, so that an absolute target has replaced it (RFC 9112 section 3.2.2).
/// - Hop-by-hop headers and those that Connection names stay behind (RFC 9110 section 7.6.1), and Proxy does.
/// - An upgrade that the head offers is passed on as `Upgrade` and `Connection: Upgrade`; `TE: trailers` is kept.
/// - X-Forwarded-For, -Proto, -Host and -Port tell what we know. What an untrusted client says about itself in these,
///   in Forwarded, in X-Real-IP or in any other X-Forwarded-* stays behind. A trusted proxy's stays as it is, and its
///   own address is appended to X-Forwarded-For.
/// - Everything else goes on untouched and in order, duplicates included; Content-Length too, as text beside the
///   typed length. Expect goes on only where the backend is to answer it.
pub fn request<'h>(head: &Head<'h>, peer: &Peer<'_>, mut emit: impl FnMut(Name<'_>, &[u8])) {
    if let Some(authority) = &head.authority {
        emit(Token::HOST.into(), authority.text.as_bytes());
    }
    let mut told = Told::default();
    for &Header { kind, name, value } in head.headers {
        match kind {
            Kind::Expect if head.expect_continue => emit(name, value),
            Kind::ForwardedFor if peer.trusted => told.add_addresses(value),
            _ if kind.is_forwarded() && peer.trusted => {
                told.note(kind);
                emit(name, value);
            }
            _ if goes_on(kind) => emit(name, value),
            _ => {}
        }
    }
    if head.te_trailers {
        emit(Token::TE.into(), b"trailers");
    }
    if let Some(protocol) = head.upgrade {
        emit(Token::CONNECTION.into(), b"Upgrade");
        emit(Token::UPGRADE.into(), protocol);
    }
    told.complete(head, peer, emit);
}

/// Whether this is an X-Forwarded-*, in any case: what a site may do without (`xforwardedfor`), whoever says it.
pub fn is_x_forwarded(name: Name<'_>) -> bool {
    field::is_x_forwarded(name.as_bytes())
}

/// Whether this tells an app how to name the files that it wants to have sent: X-Sendfile-Type, X-Accel-Mapping.
pub fn is_about_files(name: Name<'_>) -> bool {
    name.token().is_none() && field::is_about_files(name.as_bytes())
}

/// Whether a proxy in front, which is to be one of ours, says that its client came over TLS.
pub fn says_https(head: &Head<'_>) -> bool {
    let is_https = |header: &Header<'_>| {
        header.kind == Kind::ForwardedProto && header.value.eq_ignore_ascii_case(b"https")
    };
    head.headers.iter().any(is_https)
}

/// Kinds that need no thought. Host is emitted from the authority, and what is told about the client by [`Told`].
fn goes_on(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ContentLength
            | Kind::ContentType
            | Kind::Date
            | Kind::Server
            | Kind::Hsts
            | Kind::EndToEnd
            | Kind::NamesFile
            | Kind::Other
    )
}

/// What a trusted proxy has told about the client.
#[derive(Default)]
struct Told {
    /// All X-Forwarded-For headers, joined.
    addresses: Vec<u8>,
    proto: bool,
    host: bool,
    port: bool,
}

impl Told {
    fn add_addresses(&mut self, value: &[u8]) {
        if value.is_empty() {
            return;
        }
        if !self.addresses.is_empty() {
            self.addresses.extend_from_slice(b", ");
        }
        self.addresses.extend_from_slice(value);
    }

    fn note(&mut self, kind: Kind) {
        match kind {
            Kind::ForwardedProto => self.proto = true,
            Kind::ForwardedHost => self.host = true,
            Kind::ForwardedPort => self.port = true,
            _ => {}
        }
    }

    /// Adds what has not been told yet.
    fn complete(mut self, head: &Head<'_>, peer: &Peer<'_>, mut emit: impl FnMut(Name<'_>, &[u8])) {
        if self.addresses.is_empty() {
            if !peer.address.is_empty() {
                emit(Token::X_FORWARDED_FOR.into(), peer.address.as_bytes());
            }
        } else {
            self.add_addresses(peer.address.as_bytes());
            emit(Token::X_FORWARDED_FOR.into(), &self.addresses);
        }
        if !self.proto {
            emit(Token::X_FORWARDED_PROTO.into(), peer.scheme.as_str().as_bytes());
        }
        let Some(authority) = &head.authority else {
            return;
        };
        if !self.host {
            emit(Token::X_FORWARDED_HOST.into(), authority.text.as_bytes());
        }
        if !self.port {
            let port = match authority.port_digits {
                "" => usual_port(peer.scheme),
                digits => digits,
            };
            emit(Token::X_FORWARDED_PORT.into(), port.as_bytes());
        }
    }
}

/// The port that a URL of this scheme means when it names none.
fn usual_port(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "80",
        Scheme::Https => "443",
    }
}
