//! Path prefixes: which pool of a site a path belongs to.
//!
//! A path is matched as it came and as the app will see it, byte for byte and by whole segments: `/api` has `/api`,
//! `/api/` and `/api/users`, but neither `/apis` nor `/API`. The longest prefix wins.
//!
//! An app may read a path more loosely than that: decode its escapes (`/%61pi`), drop dot segments (`/x/../api`), merge
//! slashes (`//api`) or take `\` for one. Where such a reading would lead to another pool, a client could reach with one
//! spelling what the site gives to another app, so the path is refused. The widest reading decides: it does all of that
//! at once, and every milder one lies between it and the path as it came. Only `..` could lead anywhere, so a path that
//! has such a segment in any reading is refused wherever a site has prefixes; browsers never send one.

use std::fmt;
use std::str::FromStr;

/// A pool's place in [`SiteConfig::pools`](super::SiteConfig::pools).
pub type PoolIndex = usize;

/// `/api`: this path and all below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PathPrefix(
    /// Without a slash at its end; so the root is empty.
    String,
);

impl PathPrefix {
    /// `/`: every path.
    pub const ROOT: Self = PathPrefix(String::new());

    /// Whether every path belongs to it.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, path: &[u8]) -> bool {
        let rest = path.strip_prefix(self.0.as_bytes());
        // The root has the `*` of OPTIONS too.
        self.is_root() || rest.is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "/" } else { &self.0 })
    }
}

/// `/api`; `/api/` means the same.
impl FromStr for PathPrefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        if text == "/" {
            return Ok(Self::ROOT);
        }
        let prefix = text.strip_suffix('/').unwrap_or(text);
        let segments = prefix.strip_prefix('/').ok_or(PrefixError)?;
        if segments.split('/').all(is_plain_segment) { Ok(Self(prefix.to_owned())) } else { Err(PrefixError) }
    }
}

/// The text is no path that has only one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixError;

/// What RFC 3986 section 3.3 allows in a segment, without escapes: there is one way only to write it.
fn is_plain_segment(segment: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain)
}

/// From paths to a site's pools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolTable {
    /// The longest first.
    prefixes: Vec<(PathPrefix, PoolIndex)>,
}

/// Why a path belongs to no pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPool {
    /// No prefix has it.
    Unserved,
    /// It could be read as one of another pool's.
    Ambiguous,
}

impl PoolTable {
    /// The table of the pools with these prefixes, in this order.
    pub fn new<'p>(prefixes: impl IntoIterator<Item = &'p PathPrefix>) -> Self {
        let mut prefixes: Vec<_> = prefixes.into_iter().cloned().zip(0..).collect();
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.0.len()));
        Self { prefixes }
    }

    /// The pool of the path of a request.
    ///
    /// # Errors
    /// [`NoPool`]
    #[inline]
    pub fn find(&self, path: &str) -> Result<PoolIndex, NoPool> {
        match &self.prefixes[..] {
            // As nearly every site has it: one pool for everything, however it is spelled.
            [(prefix, index)] if prefix.is_root() => Ok(*index),
            _ => self.find_by_prefix(path.as_bytes()),
        }
    }

    fn find_by_prefix(&self, path: &[u8]) -> Result<PoolIndex, NoPool> {
        let found = self.longest(path);
        if has_other_readings(path) && widest_reading(path).map(|widest| self.longest(&widest)) != Some(found)
        {
            return Err(NoPool::Ambiguous);
        }
        found.ok_or(NoPool::Unserved)
    }

    fn longest(&self, path: &[u8]) -> Option<PoolIndex> {
        self.prefixes.iter().find(|(prefix, _)| prefix.has(path)).map(|(_, index)| *index)
    }
}

fn has_other_readings(path: &[u8]) -> bool {
    memchr::memchr2(b'%', b'\\', path).is_some()
        || path.windows(2).any(|pair| matches!(pair, [b'/', b'/' | b'.']))
}

/// The path decoded, without empty segments and those of one dot. `None` if it has one of two dots.
fn widest_reading(path: &[u8]) -> Option<Vec<u8>> {
    let decoded = decode(path);
    let mut widest = Vec::with_capacity(decoded.len());
    for segment in decoded.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment {
            b"" | b"." => {}
            b".." => return None,
            _ => {
                widest.push(b'/');
                widest.extend_from_slice(segment);
            }
        }
    }
    Some(widest)
}

fn decode(path: &[u8]) -> Vec<u8> {
    let digit = |at: usize| path.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        match (path[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high << 4 | low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn table(prefixes: &[&str]) -> PoolTable {
        let prefixes: Vec<PathPrefix> = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        PoolTable::new(&prefixes)
    }

    #[test]
    fn a_prefix_is_a_path_with_one_spelling() {
        for (text, shown) in [("/", "/"), ("/api", "/api"), ("/api/", "/api"), ("/a/b.c/~d", "/a/b.c/~d")] {
            assert_eq!(text.parse::<PathPrefix>().unwrap().to_string(), shown);
        }
        for text in [
            "", "api", "//", "/a//b", "/a//", "/./a", "/a/..", "/%61", "/a b", "/a?b", "/a#b", "/a\\b",
            "/\u{e9}",
        ] {
            assert_eq!(text.parse::<PathPrefix>(), Err(PrefixError), "{text:?}");
        }
    }

    #[test]
    fn the_longest_prefix_has_the_path_by_whole_segments() {
        let table = table(&["/", "/api", "/api/v2", "/static/"]);
        for (path, pool) in [
            ("/", 0),
            ("*", 0),
            ("/index.html", 0),
            ("/apis", 0),
            ("/API", 0),
            ("/x/api", 0),
            ("/api", 1),
            ("/api/", 1),
            ("/api/v1/users", 1),
            ("/api/v20", 1),
            ("/api/v2", 2),
            ("/api/v2/users", 2),
            ("/static", 3),
            ("/static/app.css", 3),
        ] {
            assert_eq!(table.find(path), Ok(pool), "{path}");
        }
    }

    #[test]
    fn a_path_that_no_prefix_has_is_unserved() {
        let table = table(&["/api"]);
        for path in ["/", "*", "/apis"] {
            assert_eq!(table.find(path), Err(NoPool::Unserved), "{path}");
        }
        assert_eq!(table.find("/api/x"), Ok(0));
    }

    #[test]
    fn a_spelling_that_another_reader_gives_to_another_pool_is_refused() {
        let table = table(&["/", "/api", "/api/admin"]);
        for path in [
            "/%61pi",
            "/%2561pi/..",
            "/x/../api",
            "/api/..",
            "/api/../x",
            "/api/%2e%2e/x",
            "/api/.%2E/x",
            "/x%2f..%2fapi",
            "/x\\..\\api",
            "/x/..%5capi",
            "//api",
            "/./api",
            "/%2e/api",
            "/\\api",
            "/%5Capi",
            "/api//admin",
            "/api/./admin",
            "/api%2fadmin",
            "/api%2Fadmin/x",
            "/api/%61dmin",
            "/api/%61dmin%2fx",
            "/api%5cadmin",
            "/api%2fx",
        ] {
            assert_eq!(table.find(path), Err(NoPool::Ambiguous), "{path}");
        }
    }

    #[test]
    fn a_spelling_that_leads_to_one_pool_in_every_reading_passes() {
        let table = table(&["/", "/api", "/api/admin"]);
        for (path, pool) in [
            ("/caf%C3%A9", 0),
            ("/a%2Fb//c/./d", 0),
            ("/.well-known/acme", 0),
            ("/...", 0),
            ("/a..b/..c", 0),
            ("/100%25", 0),
            ("/%252e%252e/api", 0),
            ("/api/group%2Fproject", 1),
            ("/api//", 1),
            ("/api/./x", 1),
            ("/api/admin/a%5Cb//", 2),
        ] {
            assert_eq!(table.find(path), Ok(pool), "{path}");
        }
    }

    #[test]
    fn a_site_with_one_pool_takes_every_spelling() {
        let table = table(&["/"]);
        for path in ["/%61pi", "/x/../api", "//", "/a\\b", "*"] {
            assert_eq!(table.find(path), Ok(0), "{path}");
        }
    }

    /// A path as some app may read it; written in another way than what it checks.
    fn reading(path: &str, decodes: &str, merges: bool, resolves: bool, backslash: bool) -> String {
        let mut path = path.to_owned();
        for (escape, byte) in [("%61", "a"), ("%2e", "."), ("%2F", "/"), ("%5c", "\\")] {
            if decodes.contains(byte) {
                path = path.replace(escape, byte);
            }
        }
        if backslash {
            path = path.replace('\\', "/");
        }
        while merges && path.contains("//") {
            path = path.replace("//", "/");
        }
        if !resolves {
            return path;
        }
        let mut kept: Vec<&str> = Vec::new();
        for segment in path.split('/').skip(1) {
            match segment {
                "." => {}
                ".." => drop(kept.pop()),
                segment => kept.push(segment),
            }
        }
        format!("/{}", kept.join("/"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_path_that_passes_leads_to_one_pool_in_every_reading(
            parts in vec(select(vec!["/", "api", "admin", "x", ".", "..", "%61pi", "%2e", "%2F", "\\", "%5c"]), 0..9),
        ) {
            let table = table(&["/", "/api", "/api/admin"]);
            let path = format!("/{}", parts.concat());
            let Ok(pool) = table.find(&path) else { return Ok(()) };
            for decodes in ["", "a", "a.", "a./\\"] {
                for flags in 0..8 {
                    let read = reading(&path, decodes, flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
                    prop_assert_eq!(table.longest(read.as_bytes()), Some(pool), "{} read as {}", path, read);
                }
            }
        }
    }
}
