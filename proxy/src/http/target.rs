//! The request target (RFC 9112 section 3.2).

use super::refusal::Refusal;

/// What the client asks for.
///
/// Path and query stay as they came, percent escapes and dot segments included: apps and routers decode them by rules
/// of their own. Any visible ASCII is allowed in them, since browsers send `|`, `[`, `^` and the like unescaped;
/// fragments, spaces, controls and bytes above ASCII are not (RFC 3986 has none of them, and the languages behind us
/// read raw bytes differently). A path with a broken escape (`%zz`) or `%00` is refused, as nginx does; a query is
/// the app's own business, where a lone `%` is common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'h> {
    /// Begins with `/`, or is `*` for an OPTIONS request about the server as a whole.
    pub path: &'h str,
    /// What follows the first `?`, if there is one.
    pub query: Option<&'h str>,
    /// The authority of an absolute target (`http://host/path`), which replaces the Host header
    /// (RFC 9112 section 3.2.2). Not yet validated.
    pub(super) authority: Option<&'h str>,
}

impl<'h> Target<'h> {
    /// Reads the target of a request with this method.
    pub(super) fn parse(method: &str, text: &'h str) -> Result<Self, Refusal> {
        if matches!(method, "CONNECT" | "TRACE") {
            return Err(Refusal::MethodNotAllowed);
        }
        check_bytes(text)?;
        let target = match text.as_bytes() {
            [b'/', ..] => Self::split(text, None),
            b"*" if method == "OPTIONS" => Self { path: "*", query: None, authority: None },
            b"*" => return Err(Refusal::AsteriskWithoutOptions),
            _ => Self::absolute(method, text)?,
        };
        check_escapes(target.path)?;
        Ok(target)
    }

    fn split(text: &'h str, authority: Option<&'h str>) -> Self {
        match text.split_once('?') {
            Some((path, query)) => Self { path, query: Some(query), authority },
            None => Self { path: text, query: None, authority },
        }
    }

    /// Reads `http://authority/path?query`. An empty path is `/`, or `*` for OPTIONS (RFC 9112 section 3.2.4).
    fn absolute(method: &str, text: &'h str) -> Result<Self, Refusal> {
        let (scheme, rest) = text.split_once("://").ok_or(Refusal::BadTarget)?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(Refusal::BadTarget);
        }
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let mut target = Self::split(rest, Some(authority));
        if target.path.is_empty() {
            target.path = if method == "OPTIONS" && target.query.is_none() { "*" } else { "/" };
        }
        Ok(target)
    }
}

/// Controls and spaces cannot be here: the request line was split at them.
fn check_bytes(text: &str) -> Result<(), Refusal> {
    if !text.is_ascii() {
        return Err(Refusal::BadTarget);
    }
    if memchr::memchr(b'#', text.as_bytes()).is_some() {
        return Err(Refusal::FragmentInTarget);
    }
    Ok(())
}

fn check_escapes(path: &str) -> Result<(), Refusal> {
    let path = path.as_bytes();
    for percent in memchr::memchr_iter(b'%', path) {
        match path.get(percent + 1..percent + 3) {
            Some(b"00") => return Err(Refusal::BadEscape),
            Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {}
            _ => return Err(Refusal::BadEscape),
        }
    }
    Ok(())
}
