//! Header names and values: what they may contain, and which names mean something to a proxy.

/// Bytes of a token: `tchar` of RFC 9110 section 5.6.2.
static TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let allowed = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut i = 0;
    while i < allowed.len() {
        table[allowed[i] as usize] = true;
        i += 1;
    }
    table
};

/// Whether a token may contain this byte.
#[inline]
pub(super) fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES[usize::from(byte)]
}

/// Whether this is a token: a header's name, a method, a coding.
#[inline]
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

/// Whether a header's value may be passed on: no control character but the tab (RFC 9110 section 5.5). Bytes above
/// ASCII pass, as they do everywhere.
#[inline]
pub(super) fn is_value(bytes: &[u8]) -> bool {
    // Folded without a branch, so that the compiler makes vector code of it.
    !bytes.iter().fold(false, |bad, &byte| bad | ((byte < 0x20) & (byte != b'\t')) | (byte == 0x7f))
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
    /// Any other name by which a proxy tells about the client: Forwarded, X-Real-IP, the rest of X-Forwarded-*.
    ForwardedOther,
    Date,
    Server,
    /// Meant for the app, whatever the Connection header says.
    EndToEnd,
    /// Named by the Connection header.
    Named,
    Other,
}

impl Kind {
    /// The kind of the header with this name, in any case.
    #[inline]
    pub(super) fn of(name: &[u8]) -> Self {
        let known: &[(&str, Kind)] = match name.len() {
            2 => &[("te", Kind::Te)],
            3 => &[("via", Kind::EndToEnd)],
            4 => &[("host", Kind::Host), ("date", Kind::Date)],
            5 => &[("proxy", Kind::Proxy), ("range", Kind::EndToEnd)],
            6 => &[
                ("cookie", Kind::EndToEnd),
                ("expect", Kind::Expect),
                ("server", Kind::Server),
                ("origin", Kind::EndToEnd),
            ],
            7 => &[("upgrade", Kind::Upgrade)],
            9 => &[("forwarded", Kind::ForwardedOther), ("x-real-ip", Kind::ForwardedOther)],
            10 => &[("connection", Kind::Connection), ("keep-alive", Kind::HopByHop)],
            11 => &[("x-forwarded", Kind::ForwardedOther)],
            12 => &[("content-type", Kind::ContentType)],
            13 => &[("cache-control", Kind::EndToEnd), ("authorization", Kind::EndToEnd)],
            14 => &[("content-length", Kind::ContentLength), ("http2-settings", Kind::HopByHop)],
            15 => &[("x-forwarded-for", Kind::ForwardedFor)],
            16 => &[
                ("content-encoding", Kind::EndToEnd),
                ("x-forwarded-host", Kind::ForwardedHost),
                ("x-forwarded-port", Kind::ForwardedPort),
                ("proxy-connection", Kind::HopByHop),
            ],
            17 => {
                &[("x-forwarded-proto", Kind::ForwardedProto), ("transfer-encoding", Kind::TransferEncoding)]
            }
            18 => &[("proxy-authenticate", Kind::HopByHop)],
            19 => &[("proxy-authorization", Kind::HopByHop)],
            25 => &[("proxy-authentication-info", Kind::HopByHop)],
            _ => &[],
        };
        match known.iter().find(|(lower, _)| name.eq_ignore_ascii_case(lower.as_bytes())) {
            Some((_, kind)) => *kind,
            None if starts_with_x_forwarded(name) => Kind::ForwardedOther,
            None => Kind::Other,
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

fn starts_with_x_forwarded(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"x-forwarded-";
    name.len() > PREFIX.len() && name[..PREFIX.len()].eq_ignore_ascii_case(PREFIX)
}
