//! Files, compression and a site's own pages: what HTTP/1.1 has, a stream has too.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use http_types::Request;
use swiftiply::config::{Config, DocRoot, SendfileRoot};
use swiftiply_wire::{Body, ResetCode};

use crate::client::{Http2, request};
use crate::support::{Folder, TestProxy, quick};

/// A proxy whose site serves this folder, under both of its names.
fn serving(folder: &Folder) -> TestProxy {
    quick(|config| {
        config.sites[0].docroot = Some(Arc::new(DocRoot::new(folder.path(""))));
        config.sites[0].sendfileroot = Some(Arc::new(SendfileRoot::new(folder.path(""))));
    })
}

/// A proxy of this configuration's first site.
fn configured(folder: &Folder, keys: &str) -> TestProxy {
    let text = format!(
        "cluster_address: 127.0.0.1\ncluster_port: 0\nshards: 1\nlog: {{access: off}}\n\
         map:\n  - {{incoming: app.test, outgoing: 127.0.0.1:0, {keys}}}\n"
    );
    let (config, _) = Config::load(&folder.write("swiftiply.yml", &text)).expect("a configuration");
    TestProxy::start(&config)
}

fn with(method: &str, path: &str, headers: &[(&'static str, &str)]) -> Request<()> {
    let mut request = request(method, path);
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a value"));
    }
    request
}

#[test]
fn a_static_file_is_served_in_whole_and_in_part_and_not_twice() {
    let folder = Folder::new();
    folder.write("a.txt", "0123456789");
    let modified = std::time::SystemTime::now() - Duration::from_secs(3600);
    let file = std::fs::File::options().write(true).open(folder.path("a.txt")).expect("a file of our own");
    file.set_modified(modified).expect("a file of our own");
    let proxy = serving(&folder);
    let client = Http2::connect(proxy.clients);
    let ask = |method: &str, headers: &[(&'static str, &str)]| {
        client.send(with(method, "/a.txt", headers), true).reply()
    };

    let whole = ask("GET", &[]);
    assert_eq!((whole.status, whole.text()), (200, "0123456789"));
    assert_eq!(
        (whole.header("content-length"), whole.header("content-type"), whole.header("accept-ranges")),
        (Some("10"), Some("text/plain; charset=utf-8"), Some("bytes"))
    );
    let head = ask("HEAD", &[]);
    assert_eq!((head.status, head.text()), (200, ""));
    assert_eq!(head.headers, whole.headers);

    let part = ask("GET", &[("range", "bytes=2-4")]);
    assert_eq!((part.status, part.text()), (206, "234"));
    assert_eq!(
        (part.header("content-range"), part.header("content-length")),
        (Some("bytes 2-4/10"), Some("3"))
    );
    let beyond = ask("GET", &[("range", "bytes=10-")]);
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */10")));

    let etag = whole.header("etag").expect("a tag");
    let unchanged = ask("GET", &[("if-none-match", etag)]);
    assert_eq!((unchanged.status, unchanged.text(), unchanged.header("etag")), (304, "", Some(etag)));
}

#[test]
fn a_file_beyond_all_windows_arrives_whole_beside_other_streams() {
    let folder = Folder::new();
    let large: String = (0..400_000).map(|n| format!("{n:07}")).collect();
    folder.write("large", &large);
    let proxy = serving(&folder);
    let mut backend = proxy.backend();
    // The connection's window has room beside two streams that nobody reads.
    let mut wide = h2::client::Builder::new();
    wide.initial_connection_window_size(1 << 20);
    let client = Http2::connect_as(proxy.clients, wide);
    let (mut first, mut second) = (client.get("/large"), client.get("/large"));
    assert_eq!(first.head().status().as_u16(), 200);
    // Nobody reads the file yet, and no slot is taken by it.
    let mut app = client.get("/app");
    backend.request().reply(200, "app");
    assert_eq!(app.reply().text(), "app");
    let mut read = Vec::new();
    while let Some(piece) = first.piece() {
        read.extend_from_slice(&piece);
    }
    assert!(read == large.as_bytes(), "{} bytes", read.len());
    assert!(second.reply().body == large.as_bytes());
}

#[test]
fn a_client_that_resets_a_file_disturbs_nobody() {
    let folder = Folder::new();
    folder.write("large", &"x".repeat(3_000_000));
    folder.write("small", "small");
    let proxy = serving(&folder);
    let client = Http2::connect(proxy.clients);
    let mut large = client.get("/large");
    assert_eq!(large.head().status().as_u16(), 200);
    assert!(large.piece().is_some());
    drop(large);
    for _ in 0..3 {
        assert_eq!(client.get("/small").reply().text(), "small");
    }
}

#[test]
fn a_file_that_the_app_names_is_sent_in_place_of_its_body() {
    let folder = Folder::new();
    folder.write("report", "0123456789");
    let proxy = quick(|config| {
        config.sites[0].sendfileroot = Some(Arc::new(SendfileRoot::new(folder.path(""))));
    });
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let headers =
        [("X-Sendfile", "/report"), ("Content-Type", "application/x-report"), ("Set-Cookie", "a=1")];
    for (method, range, status, body) in [
        ("GET", None, 200, "0123456789"),
        ("HEAD", None, 200, ""),
        ("GET", Some("bytes=-3"), 206, "789"),
        ("POST", None, 200, "0123456789"),
    ] {
        let range = range.map(|range| ("range", range));
        let mut stream = client.send(with(method, "/download", range.as_slice()), true);
        backend.request().reply_head(200, Body::Length(0), &headers, true);
        let reply = stream.reply();
        assert_eq!((reply.status, reply.text()), (status, body), "{method}");
        assert_eq!(
            (reply.header("content-type"), reply.header("set-cookie"), reply.header("x-sendfile")),
            (Some("application/x-report"), Some("a=1"), None)
        );
    }
    let mut stream = client.get("/download");
    backend.request().reply_head(200, Body::Length(0), &[("X-Sendfile", "/gone")], true);
    assert_eq!(stream.reply().status, 404);
    proxy.until("the slot is free", |counts| counts.free == 1);
}

fn gunzipped(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).expect("a whole body");
    text
}

#[test]
fn a_reply_is_compressed_and_says_so() {
    let folder = Folder::new();
    let text = "a line of some text\n".repeat(5_000);
    folder.write("static.txt", &text);
    let docroot = folder.path("").display().to_string();
    let proxy = configured(&folder, &format!("compress: gzip, docroot: {docroot:?}"));
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    for body in [Body::Length(text.len() as u64), Body::Unknown] {
        let mut stream = client.send(with("GET", "/", &[("accept-encoding", "gzip")]), true);
        let arrived = backend.request();
        arrived.reply_head(200, body, &[("Content-Type", "text/html"), ("ETag", "\"x\"")], false);
        let reading = std::thread::spawn(move || stream.reply());
        backend.send_within_window(&arrived, text.as_bytes());
        arrived.data(b"", true);
        let reply = reading.join().expect("a reply");
        assert_eq!(
            (reply.header("content-encoding"), reply.header("vary"), reply.header("etag")),
            (Some("gzip"), Some("Accept-Encoding"), Some("W/\"x\""))
        );
        assert_eq!(reply.header("content-length"), None);
        assert!(gunzipped(&reply.body) == text && reply.body.len() < text.len() / 10);
    }
    let reply = client.send(with("GET", "/static.txt", &[("accept-encoding", "gzip")]), true).reply();
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert!(gunzipped(&reply.body) == text);

    let mut stream = client.send(with("HEAD", "/", &[("accept-encoding", "gzip")]), true);
    backend.request().reply_head(200, Body::Length(5_000), &[("Content-Type", "text/html")], true);
    let reply = stream.reply();
    assert_eq!((reply.text(), reply.header("content-encoding")), ("", Some("gzip")));
    assert_eq!(reply.header("content-length"), None);

    let mut stream = client.get("/");
    let arrived = backend.request();
    arrived.reply_head(200, Body::Length(2_000), &[("Content-Type", "text/html")], false);
    arrived.data(&text.as_bytes()[..2_000], true);
    let reply = stream.reply();
    assert_eq!((reply.text(), reply.header("content-encoding")), (&text[..2_000], None));
    assert_eq!(reply.header("vary"), Some("Accept-Encoding"), "others would get it compressed");
}

#[test]
fn each_piece_of_a_compressed_stream_can_be_read_when_it_comes() {
    let folder = Folder::new();
    let proxy = configured(&folder, "compress: gzip");
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.send(with("GET", "/", &[("accept-encoding", "gzip")]), true);
    let arrived = backend.request();
    arrived.reply_head(200, Body::Unknown, &[("Content-Type", "text/plain")], false);
    assert_eq!(stream.head().headers()["content-encoding"], "gzip");
    let mut received = Vec::new();
    for word in ["one,", "two,", "three,"] {
        arrived.data(word.as_bytes(), false);
        // Until that much can be read; a piece that is held back would never come.
        let mut readable = Vec::new();
        while !readable.ends_with(word.as_bytes()) {
            received.extend_from_slice(&stream.piece().expect("more"));
            readable.clear();
            let _ = flate2::read::GzDecoder::new(&received[..]).read_to_end(&mut readable);
        }
    }
    // Trailers follow what the compressor still had.
    arrived.trailers(&[("x-checksum", "4711")]);
    while let Some(piece) = stream.piece() {
        received.extend_from_slice(&piece);
    }
    assert_eq!(stream.trailers()["x-checksum"], "4711");
    assert_eq!(gunzipped(&received), "one,two,three,");
}

#[test]
fn a_sites_own_pages_are_shown() {
    let folder = Folder::new();
    for (name, text) in [("502.html", "<p>broken"), ("503.txt", "soon")] {
        folder.write(name, text);
    }
    let pages = "timeout: 0, error_pages: {502: 502.html, 503: 503.txt}";
    let proxy = configured(&folder, pages);
    let client = Http2::connect(proxy.clients);
    let busy = client.get("/").reply();
    assert_eq!((busy.status, busy.text(), busy.header("retry-after")), (503, "soon", Some("1")));
    assert_eq!(busy.header("content-type"), Some("text/plain; charset=utf-8"));
    let head = client.send(request("HEAD", "/"), true).reply();
    assert_eq!((head.status, head.text(), head.header("content-length")), (503, "", Some("4")));

    let mut backend = proxy.backend();
    let mut stream = client.get("/");
    backend.request().reset(ResetCode::AppFault, "it raised");
    let broken = stream.reply();
    assert_eq!((broken.status, broken.text()), (502, "<p>broken"));
    assert_eq!(broken.header("content-type"), Some("text/html; charset=utf-8"));
    let mut stream = client.get("/");
    backend.request().reply(502, "of the app");
    assert_eq!(stream.reply().text(), "of the app");
}

#[test]
fn a_head_that_is_refused_has_no_page_behind_it() {
    let proxy = quick(|_| {});
    let client = Http2::connect(proxy.clients);
    for (method, has_page) in [("GET", true), ("HEAD", false)] {
        let reply = client.send(request(method, &format!("/{}", "x".repeat(10_000))), true).reply();
        assert_eq!((reply.status, !reply.text().is_empty()), (414, has_page), "{method}");
        assert!(reply.header("content-length").is_some_and(|length| length != "0"));
    }
}
