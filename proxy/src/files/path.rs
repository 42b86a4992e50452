//! From what a URL or an app names to a path beneath a root.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The one folder with a leading dot whose files are for everybody (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// What a URL's path asks for, beneath a root that is still open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Relative, of plain names only; empty for the root itself.
    pub path: PathBuf,
    /// It ended in a slash.
    pub is_folder: bool,
}

impl Wanted {
    /// Reads a URL's path, decoded once. None if no file can have it:
    ///
    /// - a segment that is `.`, `..` or empty, however it is written: what it means is the app's to say;
    /// - a slash or a backslash that was escaped, a control character, NUL;
    /// - a name with a leading dot (`.git`, `.env`), but for `/.well-known/`.
    pub fn of_url(url: &str) -> Option<Self> {
        let url = url.strip_prefix('/')?;
        let is_folder = url.is_empty() || url.ends_with('/');
        let mut path = Vec::with_capacity(url.len());
        let names = url.strip_suffix('/').unwrap_or(url);
        for (index, segment) in names.split('/').enumerate() {
            if index > 0 {
                path.push(b'/');
            }
            let start = path.len();
            decode(segment.as_bytes(), &mut path)?;
            let name = &path[start..];
            let is_public = name.first() != Some(&b'.') || (index == 0 && name == WELL_KNOWN);
            if !is_public || !is_plain_name(name) && !url.is_empty() {
                return None;
            }
        }
        Some(Self { path: path_of(path), is_folder })
    }
}

/// How an app names the file that it wants to have sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `X-Sendfile`: a path as it is.
    Sendfile,
    /// `X-Accel-Redirect`: a URL's path; percent escapes are decoded, a query is cut off.
    Accel,
}

impl Naming {
    /// The header of this name, in any case.
    pub fn of(name: &[u8]) -> Option<Self> {
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"x-sendfile") => Some(Self::Sendfile),
            16 if name.eq_ignore_ascii_case(b"x-accel-redirect") => Some(Self::Accel),
            _ => None,
        }
    }

    /// The path that the header's value means, without slashes in front, of plain names only.
    pub fn path(self, value: &[u8]) -> Option<PathBuf> {
        match self {
            Self::Sendfile => plain_path(value),
            Self::Accel => {
                let path = value.split(|&byte| byte == b'?').next().unwrap_or_default();
                let mut decoded = Vec::with_capacity(path.len());
                decode(path, &mut decoded)?;
                plain_path(&decoded)
            }
        }
    }
}

/// Plain names between slashes; leading and doubled slashes count for nothing.
fn plain_path(path: &[u8]) -> Option<PathBuf> {
    let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
    let mut plain = PathBuf::new();
    for name in names {
        if !is_plain_name(name) {
            return None;
        }
        plain.push(OsStr::from_bytes(name));
    }
    Some(plain).filter(|path| !path.as_os_str().is_empty())
}

fn is_plain_name(name: &[u8]) -> bool {
    let is_plain = |byte: u8| !byte.is_ascii_control() && !matches!(byte, b'/' | b'\\');
    !matches!(name, b"" | b"." | b"..") && name.iter().all(|&byte| is_plain(byte))
}

/// Appends the text without its percent escapes. None if one is broken.
fn decode(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        out.push((digit(rest.first())? * 16 + digit(rest.get(1))?) as u8);
        rest = &rest[2..];
    }
    Some(())
}

fn path_of(bytes: Vec<u8>) -> PathBuf {
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn wanted(url: &str) -> Option<(String, bool)> {
        Wanted::of_url(url).map(|wanted| (wanted.path.to_str().expect("UTF-8").to_owned(), wanted.is_folder))
    }

    #[test]
    fn a_url_is_decoded_once() {
        for (url, path, is_folder) in [
            ("/", "", true),
            ("/a", "a", false),
            ("/a/", "a", true),
            ("/a/b.css", "a/b.css", false),
            ("/caf%C3%A9%20au.txt", "café au.txt", false),
            ("/%252e%252e/x", "%2e%2e/x", false),
            ("/a%2500", "a%00", false),
            ("/a+b", "a+b", false),
            ("/a..b/c...", "a..b/c...", false),
            ("/.well-known/acme-challenge/x", ".well-known/acme-challenge/x", false),
            ("/.well-known/", ".well-known", true),
        ] {
            assert_eq!(wanted(url), Some((path.to_owned(), is_folder)), "{url}");
        }
        let latin1 = Wanted::of_url("/caf%E9").expect("any bytes are a name");
        assert_eq!(latin1.path.as_os_str().as_bytes(), b"caf\xE9");
    }

    #[test]
    fn no_url_leaves_the_root_or_names_what_is_hidden() {
        for url in [
            "",
            "*",
            "a",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/..",
            "/../a",
            "/a/../b",
            "/a/..",
            "/a/../",
            "/.",
            "/./a",
            "/%2e%2e/a",
            "/%2E%2E/a",
            "/.%2e/a",
            "/..%2fa",
            "/a%2f..%2fb",
            "/a%2Fb",
            "/..\\a",
            "/..%5ca",
            "/a%5Cb",
            "/a\\b",
            "/a%00",
            "/a%00.png",
            "/a%0a",
            "/a%7f",
            "/.git/config",
            "/.env",
            "/%2eenv",
            "/a/.htpasswd",
            "/a/.well-known/x",
            "/.well-known2/x",
            "/.well-known/.hidden",
            "/...",
            "/a%",
            "/a%4",
            "/a%zz",
        ] {
            assert_eq!(wanted(url), None, "{url}");
        }
    }

    #[test]
    fn x_sendfile_is_a_path_as_it_stands_there() {
        for (value, path) in [
            ("/srv/private/a/b.pdf", "srv/private/a/b.pdf"),
            ("a/b.pdf", "a/b.pdf"),
            ("//a//b.pdf/", "a/b.pdf"),
            ("/a/.hidden", "a/.hidden"),
            ("/a b%20c?.pdf", "a b%20c?.pdf"),
        ] {
            assert_eq!(Naming::Sendfile.path(value.as_bytes()).as_deref(), Some(Path::new(path)), "{value}");
        }
        for value in ["", "/", "../x", "/a/../../x", "a/./b", "/..", "a\\b", "a\0b", "a\nb"] {
            assert_eq!(Naming::Sendfile.path(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn x_accel_redirect_is_a_url() {
        for (value, path) in [("/a%20b.pdf?x=1", "a b.pdf"), ("/100%25.txt", "100%.txt"), ("/a%3Fb", "a?b")] {
            assert_eq!(Naming::Accel.path(value.as_bytes()).as_deref(), Some(Path::new(path)), "{value}");
        }
        for value in ["/%2e%2e/x", "/a%2f..%2f..%2fx", "/a%", "?x", "/a%00"] {
            assert_eq!(Naming::Accel.path(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn headers_that_name_a_file_are_known_in_any_case() {
        assert_eq!(Naming::of(b"X-Sendfile"), Some(Naming::Sendfile));
        assert_eq!(Naming::of(b"x-accel-REDIRECT"), Some(Naming::Accel));
        for name in ["", "x-sendfile-type", "x-accel-mapping", "x-accel-buffering", "x-runtime-x"] {
            assert_eq!(Naming::of(name.as_bytes()), None, "{name}");
        }
    }
}
