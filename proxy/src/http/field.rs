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
    ///
    /// Asked for every header of every message, so length and first letter pick the one name worth comparing.
    #[inline]
    pub(super) fn of(name: &[u8]) -> Self {
        let first = name.first().map_or(0, u8::to_ascii_lowercase);
        let (known, kind) = match (name.len(), first) {
            (2, b't') => ("te", Kind::Te),
            (3, b'v') => ("via", Kind::EndToEnd),
            (4, b'h') => ("host", Kind::Host),
            (4, b'd') => ("date", Kind::Date),
            (5, b'p') => ("proxy", Kind::Proxy),
            (5, b'r') => ("range", Kind::EndToEnd),
            (6, b'c') => ("cookie", Kind::EndToEnd),
            (6, b'e') => ("expect", Kind::Expect),
            (6, b'o') => ("origin", Kind::EndToEnd),
            (6, b's') => ("server", Kind::Server),
            (7, b'u') => ("upgrade", Kind::Upgrade),
            (9, b'f') => ("forwarded", Kind::ForwardedOther),
            (9, b'x') => ("x-real-ip", Kind::ForwardedOther),
            (10, b'c') => ("connection", Kind::Connection),
            (10, b'k') => ("keep-alive", Kind::HopByHop),
            (11, b'x') => ("x-forwarded", Kind::ForwardedOther),
            (12, b'c') => ("content-type", Kind::ContentType),
            (13, b'a') => ("authorization", Kind::EndToEnd),
            (13, b'c') => ("cache-control", Kind::EndToEnd),
            (14, b'c') => ("content-length", Kind::ContentLength),
            (14, b'h') => ("http2-settings", Kind::HopByHop),
            (15, b'x') => ("x-forwarded-for", Kind::ForwardedFor),
            (16, b'c') => ("content-encoding", Kind::EndToEnd),
            (16, b'p') => ("proxy-connection", Kind::HopByHop),
            (16, b'x') if name[12].eq_ignore_ascii_case(&b'h') => ("x-forwarded-host", Kind::ForwardedHost),
            (16, b'x') => ("x-forwarded-port", Kind::ForwardedPort),
            (17, b't') => ("transfer-encoding", Kind::TransferEncoding),
            (17, b'x') => ("x-forwarded-proto", Kind::ForwardedProto),
            (18, b'p') => ("proxy-authenticate", Kind::HopByHop),
            (19, b'p') => ("proxy-authorization", Kind::HopByHop),
            (25, b'p') => ("proxy-authentication-info", Kind::HopByHop),
            (_, b'x') => ("", Kind::Other),
            _ => return Kind::Other,
        };
        if name.eq_ignore_ascii_case(known.as_bytes()) {
            kind
        } else if first == b'x' && starts_with_x_forwarded(name) {
            Kind::ForwardedOther
        } else {
            Kind::Other
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
