//! Header names and values, and which names mean something to a proxy.

use swiftiply_wire::{Name, Token};

use crate::files::Naming;

/// Whether a name contains an underscore: eight bytes at a time, since it is asked of every header.
#[inline]
pub(super) fn has_underscore(name: &[u8]) -> bool {
    let Some(last) = name.last_chunk() else {
        return name.contains(&b'_');
    };
    eight_have_underscore(last) || name.as_chunks().0.iter().any(eight_have_underscore)
}

/// Makes zero bytes of underscores; then only a zero byte borrows from its own top bit.
#[inline]
fn eight_have_underscore(bytes: &[u8; 8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let zero_if_underscore = u64::from_ne_bytes(*bytes) ^ (ONES * b'_' as u64);
    zero_if_underscore.wrapping_sub(ONES) & !zero_if_underscore & (ONES << 7) != 0
}

/// The value without the optional whitespace around it.
#[inline]
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The members of a comma-separated list, trimmed; empty ones included.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

/// What a header's name means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Host,
    ContentLength,
    ContentType,
    TransferEncoding,
    Connection,
    Te,
    Upgrade,
    Expect,
    /// Belongs to one connection and ends there.
    HopByHop,
    /// Becomes `HTTP_PROXY` in a CGI-like app, which libraries take for their own proxy setting (CVE-2016-5385).
    Proxy,
    ForwardedFor,
    ForwardedProto,
    ForwardedHost,
    ForwardedPort,
    /// Any other name by which a proxy speaks to an app: Forwarded, X-Real-IP and the rest of X-Forwarded-* about the
    /// client; X-Sendfile-Type and X-Accel-Mapping about files that it would send for the app, which would let a client
    /// choose them (CVE-2025-61780).
    ForwardedOther,
    Date,
    Server,
    /// Strict-Transport-Security.
    Hsts,
    /// Meant for the app, whatever the Connection header says.
    EndToEnd,
    /// An app says by it which file its reply is: X-Sendfile, X-Accel-Redirect.
    NamesFile,
    /// Named by the Connection header.
    Named,
    Other,
}

/// The kind of each name that has a token, by its number.
static KINDS: [Kind; 128] = {
    let mut kinds = [Kind::Other; 128];
    let known = [
        (Token::HOST, Kind::Host),
        (Token::CONTENT_LENGTH, Kind::ContentLength),
        (Token::CONTENT_TYPE, Kind::ContentType),
        (Token::TRANSFER_ENCODING, Kind::TransferEncoding),
        (Token::CONNECTION, Kind::Connection),
        (Token::TE, Kind::Te),
        (Token::UPGRADE, Kind::Upgrade),
        (Token::EXPECT, Kind::Expect),
        (Token::KEEP_ALIVE, Kind::HopByHop),
        (Token::PROXY_CONNECTION, Kind::HopByHop),
        (Token::PROXY_AUTHENTICATE, Kind::HopByHop),
        (Token::PROXY_AUTHORIZATION, Kind::HopByHop),
        (Token::PROXY, Kind::Proxy),
        (Token::X_FORWARDED_FOR, Kind::ForwardedFor),
        (Token::X_FORWARDED_PROTO, Kind::ForwardedProto),
        (Token::X_FORWARDED_HOST, Kind::ForwardedHost),
        (Token::X_FORWARDED_PORT, Kind::ForwardedPort),
        (Token::FORWARDED, Kind::ForwardedOther),
        (Token::X_REAL_IP, Kind::ForwardedOther),
        (Token::DATE, Kind::Date),
        (Token::SERVER, Kind::Server),
        (Token::STRICT_TRANSPORT_SECURITY, Kind::Hsts),
        (Token::VIA, Kind::EndToEnd),
        (Token::RANGE, Kind::EndToEnd),
        (Token::COOKIE, Kind::EndToEnd),
        (Token::ORIGIN, Kind::EndToEnd),
        (Token::AUTHORIZATION, Kind::EndToEnd),
        (Token::CACHE_CONTROL, Kind::EndToEnd),
        (Token::CONTENT_ENCODING, Kind::EndToEnd),
    ];
    let mut i = 0;
    while i < known.len() {
        kinds[known[i].0.number() as usize] = known[i].1;
        i += 1;
    }
    kinds
};

impl Kind {
    /// The kind of the header with this name, in any case. Asked for every header of every message: a table knows it of
    /// names that have a token.
    #[inline]
    pub(super) fn of(name: Name<'_>) -> Self {
        match name.token() {
            Some(token) => KINDS[usize::from(token.number())],
            None => Self::without_token(name.as_bytes()),
        }
    }

    fn without_token(name: &[u8]) -> Self {
        const HOP_BY_HOP: [&str; 2] = ["http2-settings", "proxy-authentication-info"];
        match name.first() {
            Some(b'x' | b'X') if is_x_forwarded(name) || is_about_files(name) => Self::ForwardedOther,
            Some(b'x' | b'X') if Naming::of(name).is_some() => Self::NamesFile,
            Some(b'h' | b'H' | b'p' | b'P')
                if HOP_BY_HOP.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())) =>
            {
                Self::HopByHop
            }
            _ => Self::Other,
        }
    }

    /// Whether a proxy speaks about the client with it.
    pub(super) fn is_forwarded(self) -> bool {
        matches!(
            self,
            Kind::ForwardedFor
                | Kind::ForwardedProto
                | Kind::ForwardedHost
                | Kind::ForwardedPort
                | Kind::ForwardedOther
        )
    }
}

/// `X-Forwarded` itself, or anything that begins with it and a hyphen.
pub(super) fn is_x_forwarded(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"x-forwarded";
    name.split_at_checked(PREFIX.len())
        .is_some_and(|(start, rest)| start.eq_ignore_ascii_case(PREFIX) && matches!(rest, [] | [b'-', ..]))
}

/// An app that believed a client in these would tell it where its files are (CVE-2025-61780).
pub(super) fn is_about_files(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"x-sendfile-type") || name.eq_ignore_ascii_case(b"x-accel-mapping")
}
