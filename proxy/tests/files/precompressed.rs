//! Files that stand beside themselves in other codings.

use std::time::Duration;

use crate::{Site, set_age};

const FILES: &[(&str, &str)] = &[
    ("app.js", "plain"),
    ("app.js.gz", "as gzip"),
    ("app.js.br", "as brotli"),
    ("photo.png", "photo"),
    ("photo.png.gz", "no"),
];

#[test]
fn the_client_gets_the_coding_that_it_likes_best() {
    let site = Site::with(FILES);
    let mut tags = Vec::new();
    for (accept, text, coding) in [
        ("gzip", "as gzip", Some("gzip")),
        ("br", "as brotli", Some("br")),
        ("gzip, deflate, br, zstd", "as brotli", Some("br")),
        ("br;q=0.5, gzip", "as gzip", Some("gzip")),
        ("br;q=0, gzip;q=0", "plain", None),
        ("zstd", "plain", None),
        ("identity", "plain", None),
    ] {
        let reply = site.get("/app.js", &format!("Accept-Encoding: {accept}\r\n"));
        assert_eq!((reply.text(), reply.header("Content-Encoding")), (text, coding), "{accept}");
        assert_eq!(reply.header("Content-Type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(reply.header("Vary"), Some("Accept-Encoding"));
        assert_eq!(reply.header("Content-Length"), Some(text.len().to_string().as_str()));
        let etag = reply.header("ETag").expect("a tag").to_owned();
        let again = format!("Accept-Encoding: {accept}\r\nIf-None-Match: {etag}\r\n");
        let again = site.get("/app.js", &again);
        assert_eq!((again.status, again.header("Vary")), (304, Some("Accept-Encoding")), "{accept}");
        tags.push((text, etag));
    }
    let tag_of = |text| &tags.iter().find(|(of, _)| *of == text).expect("it was asked for").1;
    assert_ne!(tag_of("as gzip"), tag_of("as brotli"));
    assert_ne!(tag_of("as gzip"), tag_of("plain"));
    for (text, etag) in &tags {
        assert_eq!(etag, tag_of(text));
    }
}

#[test]
fn a_part_is_one_of_the_coded_file() {
    let site = Site::with(FILES);
    let reply = site.get("/app.js", "Accept-Encoding: gzip\r\nRange: bytes=3-\r\n");
    assert_eq!((reply.status, reply.text(), reply.header("Content-Encoding")), (206, "gzip", Some("gzip")));
    assert_eq!(reply.header("Content-Range"), Some("bytes 3-6/7"));
}

#[test]
fn an_older_one_is_of_another_state_and_left_alone() {
    let site = Site::with(FILES);
    set_age(&site.path("app.js"), Duration::from_secs(60));
    let reply = site.get("/app.js", "Accept-Encoding: gzip, br\r\n");
    assert_eq!((reply.text(), reply.header("Content-Encoding"), reply.header("Vary")), ("plain", None, None));
}

#[test]
fn a_picture_is_compressed_already() {
    let site = Site::with(FILES);
    let reply = site.get("/photo.png", "Accept-Encoding: gzip, br\r\n");
    assert_eq!((reply.text(), reply.header("Vary")), ("photo", None));
}

#[test]
fn the_coded_file_itself_can_be_had_too() {
    let site = Site::with(FILES);
    let reply = site.get("/app.js.gz", "Accept-Encoding: gzip\r\n");
    assert_eq!((reply.text(), reply.header("Content-Encoding")), ("as gzip", None));
    assert_eq!(reply.header("Content-Type"), Some("application/gzip"));
}

#[test]
fn one_alone_is_no_file() {
    let site = Site::with(&[("only.js.gz", "gzip")]);
    assert!(site.is_the_apps("/only.js"));
}
