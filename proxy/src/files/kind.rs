//! Media types, and which of them are worth compressing.

use std::path::Path;

/// The media type of a file's name, with the character set where text needs one: UTF-8, as what is written today is. A
/// name that says nothing is `application/octet-stream`.
pub fn of(path: &Path) -> String {
    let kind = mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream");
    let is_text = kind.starts_with("text/") || matches!(kind, "application/javascript");
    if is_text { format!("{kind}; charset=utf-8") } else { kind.to_owned() }
}

/// Whether what has this Content-Type is text of some kind: images, films, sound and archives are compressed already.
/// An event stream is left as it is, since it would keep a compressor for hours.
pub fn is_compressible(content_type: &[u8]) -> bool {
    let kind = content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    let Ok(kind) = std::str::from_utf8(kind) else { return false };
    let kind = kind.to_ascii_lowercase();
    match kind.split_once('/') {
        Some(("text", subtype)) => subtype != "event-stream",
        Some(("image", subtype)) => matches!(subtype, "svg+xml" | "x-icon" | "vnd.microsoft.icon" | "bmp"),
        Some(("font", subtype)) => matches!(subtype, "ttf" | "otf" | "collection"),
        Some(("application", subtype)) => {
            const SUBTYPES: [&str; 14] = [
                "json",
                "javascript",
                "x-javascript",
                "ecmascript",
                "xml",
                "wasm",
                "graphql",
                "x-ndjson",
                "json-seq",
                "rtf",
                "font-sfnt",
                "x-font-ttf",
                "vnd.ms-fontobject",
                "x-www-form-urlencoded",
            ];
            SUBTYPES.contains(&subtype) || subtype.ends_with("+json") || subtype.ends_with("+xml")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_type() {
        for (name, kind) in [
            ("index.html", "text/html; charset=utf-8"),
            ("INDEX.HTM", "text/html; charset=utf-8"),
            ("app.css", "text/css; charset=utf-8"),
            ("app-1f2e.js", "text/javascript; charset=utf-8"),
            ("module.mjs", "application/javascript; charset=utf-8"),
            ("notes.txt", "text/plain; charset=utf-8"),
            ("data.json", "application/json"),
            ("site.webmanifest", "application/manifest+json"),
            ("logo.svg", "image/svg+xml"),
            ("photo.jpg", "image/jpeg"),
            ("photo.avif", "image/avif"),
            ("font.woff2", "font/woff2"),
            ("code.wasm", "application/wasm"),
            ("a.tar.gz", "application/gzip"),
            ("README", "application/octet-stream"),
            ("strange.zzz", "application/octet-stream"),
        ] {
            assert_eq!(of(Path::new(name)), kind, "{name}");
        }
    }

    #[test]
    fn text_is_worth_compressing() {
        for kind in [
            "text/html",
            "text/html; charset=utf-8",
            "TEXT/CSS",
            "application/json;charset=utf-8",
            "application/problem+json",
            "application/atom+xml",
            "image/svg+xml",
            "application/wasm",
            "font/ttf",
        ] {
            assert!(is_compressible(kind.as_bytes()), "{kind}");
        }
        for kind in [
            "",
            "text",
            "image/png",
            "video/mp4",
            "application/gzip",
            "application/octet-stream",
            "application/grpc",
            "font/woff2",
            "text/event-stream",
            "text/event-stream; charset=utf-8",
            "multipart/form-data; boundary=x",
            "\u{e9}/x",
        ] {
            assert!(!is_compressible(kind.as_bytes()), "{kind}");
        }
    }
}
