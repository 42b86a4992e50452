//! Replies that are compressed on their way.

use std::io::Read;

use swiftiply::config::{Config, DocRoot};
use swiftiply_wire::Body;

use crate::support::{Arrived, Reply, TestProxy, quick};
use crate::{Site, ask};

fn text(length: usize) -> String {
    (0..)
        .flat_map(|n: u32| format!("line {n} of some text\n").into_bytes())
        .map(char::from)
        .take(length)
        .collect()
}

fn compressing() -> TestProxy {
    let text = "cluster_address: 127.0.0.1\ncluster_port: 0\nmap:\n  - {incoming: a.test, outgoing: 127.0.0.1:0, compress: true}\n";
    let (config, _) = Config::from_text(text, "test.yml".as_ref()).expect("a configuration");
    let codings = config.sites[0].compress.clone();
    quick(|config| config.sites[0].compress = codings)
}

fn get(proxy: &TestProxy, method: &str, headers: &str, answer: impl FnOnce(Arrived)) -> Reply {
    let (mut client, mut backend) = (proxy.client(), proxy.backend());
    ask(&mut client, method, "/", headers);
    answer(backend.request());
    let reply = if method == "HEAD" { client.reply_to_head() } else { client.reply() };
    // The connection is as good as before.
    client.get("/next");
    backend.request().reply(200, "next");
    assert_eq!(client.reply().text(), "next");
    reply
}

fn decoded(coding: &str, bytes: &[u8]) -> String {
    let mut text = String::new();
    let read = match coding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_string(&mut text),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_string(&mut text),
        "zstd" => zstd::stream::read::Decoder::new(bytes).expect("memory").read_to_string(&mut text),
        other => panic!("nobody asked for {other}"),
    };
    read.expect("a whole body");
    text
}

#[test]
fn text_is_compressed_as_the_client_likes_it_best() {
    let proxy = compressing();
    for (accept, coding) in [
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, br, zstd", "zstd"),
        ("gzip, br;q=0.5", "gzip"),
    ] {
        for body in [Body::Length(50_000), Body::Unknown] {
            let headers = [("Content-Type", "text/html"), ("ETag", "\"x\""), ("Accept-Ranges", "bytes")];
            let reply = get(&proxy, "GET", &format!("Accept-Encoding: {accept}\r\n"), |request| {
                request.reply_head(200, body, &headers, false);
                for piece in text(50_000).as_bytes().chunks(20_000) {
                    request.data(piece, false);
                }
                request.data(b"", true);
            });
            assert_eq!(reply.header("Content-Encoding"), Some(coding), "{accept}");
            assert_eq!(decoded(coding, &reply.body), text(50_000));
            assert!(reply.body.len() < 20_000);
            assert_eq!(
                (reply.header("Vary"), reply.header("ETag")),
                (Some("Accept-Encoding"), Some("W/\"x\""))
            );
            assert_eq!((reply.header("Content-Length"), reply.header("Accept-Ranges")), (None, None));
        }
    }
}

#[test]
fn what_others_would_get_compressed_says_so() {
    let proxy = compressing();
    let body = text(5000);
    let headers = [("Content-Type", "text/html"), ("Vary", "Cookie")];
    let reply = get(&proxy, "GET", "", |request| {
        request.reply_head(200, Body::Length(5000), &headers, false);
        request.data(body.as_bytes(), true);
    });
    assert_eq!((reply.text(), reply.header("Content-Encoding")), (body.as_str(), None));
    let vary: Vec<_> =
        reply.headers.iter().filter(|(name, _)| name == "Vary").map(|(_, value)| &value[..]).collect();
    assert_eq!(vary, ["Cookie", "Accept-Encoding"]);
}

#[test]
fn what_must_stay_as_it_is_does() {
    let proxy = compressing();
    for header in [
        ("Content-Type", "image/png"),
        ("Content-Type", "text/event-stream"),
        ("Content-Encoding", "x-own"),
        ("Cache-Control", "no-transform"),
        ("Content-Range", "bytes 0-4999/9000"),
    ] {
        let headers = match header.0 {
            "Content-Type" => vec![header],
            _ => vec![("Content-Type", "text/html"), header],
        };
        let reply = get(&proxy, "GET", "Accept-Encoding: gzip\r\n", |request| {
            request.reply_head(200, Body::Length(5000), &headers, false);
            request.data(text(5000).as_bytes(), true);
        });
        assert_eq!((reply.text(), reply.header("Vary")), (text(5000).as_str(), None), "{header:?}");
    }
    let short = get(&proxy, "GET", "Accept-Encoding: gzip\r\n", |request| {
        request.reply_head(200, Body::Length(5), &[("Content-Type", "text/html")], false);
        request.data(b"short", true);
    });
    assert_eq!((short.text(), short.header("Content-Length")), ("short", Some("5")));
}

#[test]
fn a_head_is_what_a_get_would_have_begun_with() {
    let proxy = compressing();
    let headers = [("Content-Type", "text/html"), ("ETag", "\"x\"")];
    let reply = get(&proxy, "HEAD", "Accept-Encoding: gzip\r\n", |request| {
        request.reply_head(200, Body::Length(5000), &headers, true);
    });
    assert_eq!((reply.header("Content-Encoding"), reply.header("ETag")), (Some("gzip"), Some("W/\"x\"")));
    assert_eq!((reply.header("Content-Length"), reply.header("Vary")), (None, Some("Accept-Encoding")));
}

#[test]
fn each_piece_of_a_stream_can_be_read_when_it_comes() {
    let proxy = compressing();
    let (mut client, mut backend) = (proxy.client(), proxy.backend());
    ask(&mut client, "GET", "/", "Accept-Encoding: gzip\r\n");
    let request = backend.request();
    request.reply_head(200, Body::Unknown, &[("Content-Type", "text/plain")], false);
    assert_eq!(client.head().header("Content-Encoding"), Some("gzip"));
    let mut received = Vec::new();
    for piece in ["one,", "two,", "three,"] {
        request.data(piece.as_bytes(), false);
        // Until that much can be read; a piece that is held back would never come.
        let mut readable = String::new();
        while !readable.ends_with(piece) {
            let size = client.up_to(b"\r\n");
            let size = usize::from_str_radix(size.trim_end(), 16).expect("a chunk's size");
            received.extend(client.bytes(size + 2).drain(..size));
            let mut decoder = flate2::read::GzDecoder::new(&received[..]);
            let mut bytes = Vec::new();
            let _ = decoder.read_to_end(&mut bytes);
            readable = String::from_utf8(bytes).expect("UTF-8");
        }
    }
    request.data(b"", true);
}

#[test]
fn a_long_body_flows_within_its_window() {
    let proxy = compressing();
    let (mut client, mut backend) = (proxy.client(), proxy.backend());
    ask(&mut client, "GET", "/", "Accept-Encoding: gzip\r\n");
    let request = backend.request();
    request.reply_head(200, Body::Unknown, &[("Content-Type", "text/plain")], false);
    let body = text(1 << 20);
    let reader = std::thread::spawn(move || client.reply());
    backend.send_within_window(&request, body.as_bytes());
    request.data(b"", true);
    let reply = reader.join().expect("a reply");
    assert!(decoded("gzip", &reply.body) == body);
}

#[test]
fn a_static_file_is_compressed_too_unless_it_is_a_part() {
    let body = text(200_000);
    let docroot = Site::with(&[("a.txt", &body)]);
    let proxy = compressing_docroot(DocRoot::new(docroot.path("")));
    let site = Site { proxy, folder: docroot.folder };
    let reply = site.get("/a.txt", "Accept-Encoding: gzip\r\n");
    assert_eq!(decoded("gzip", &reply.body), body);
    assert_eq!((reply.header("Vary"), reply.header("Accept-Ranges")), (Some("Accept-Encoding"), None));
    let reply = site.get("/a.txt", "Accept-Encoding: gzip\r\nRange: bytes=0-3\r\n");
    assert_eq!((reply.status, reply.text(), reply.header("Content-Encoding")), (206, &body[..4], None));
}

fn compressing_docroot(docroot: DocRoot) -> TestProxy {
    let text = "cluster_address: 127.0.0.1\ncluster_port: 0\nmap:\n  - {incoming: a.test, outgoing: 127.0.0.1:0, compress: gzip}\n";
    let (config, _) = Config::from_text(text, "test.yml".as_ref()).expect("a configuration");
    let codings = config.sites[0].compress.clone();
    quick(|config| {
        config.sites[0].compress = codings;
        config.sites[0].docroot = Some(std::sync::Arc::new(docroot));
    })
}
