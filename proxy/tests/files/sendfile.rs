//! Files that an app names in place of sending them: `X-Sendfile`, `X-Accel-Redirect`.

use std::os::unix::fs::symlink;
use std::sync::Arc;

use swiftiply::config::SendfileRoot;
use swiftiply_wire::{Body, ResetCode};

use crate::support::{Arrived, Client, Folder, Reply, TestProxy, quick};
use crate::{ask, put};

/// A proxy whose site has a `sendfileroot` with files in it, and a neighbour with a longer name.
struct Site {
    folder: Folder,
    proxy: TestProxy,
}

impl Site {
    fn new() -> Self {
        let folder = Folder::new();
        put(&folder.path("private/report.pdf"), "0123456789");
        put(&folder.path("private/a b.txt"), "space");
        put(&folder.path("secret"), "secret");
        put(&folder.path("private-secret/x"), "secret");
        let root = SendfileRoot::new(folder.path("private"));
        let proxy = quick(|config| config.sites[0].sendfileroot = Some(Arc::new(root)));
        Self { folder, proxy }
    }

    fn full(&self, name: &str) -> String {
        self.folder.path("private").join(name).to_str().expect("UTF-8").to_owned()
    }

    /// The reply to a GET with these header lines, when the app answers so.
    fn get(&self, headers: &str, answer: impl FnOnce(Arrived)) -> Reply {
        let mut client = self.proxy.client();
        self.reply(&mut client, "GET", headers, answer)
    }

    fn reply(&self, client: &mut Client, method: &str, headers: &str, answer: impl FnOnce(Arrived)) -> Reply {
        ask(client, method, "/download", headers);
        let mut backend = self.proxy.backend();
        answer(backend.request());
        if method == "HEAD" { client.reply_to_head() } else { client.reply() }
    }

    /// The reply when the app names a file by this header.
    fn named(&self, header: &str, value: &str) -> Reply {
        self.get("", |request| request.reply_head(200, Body::Length(0), &[(header, value)], true))
    }
}

#[test]
fn a_file_that_the_app_names_is_sent_with_the_apps_headers() {
    let site = Site::new();
    let name = site.full("report.pdf");
    let headers = [
        ("X-Sendfile", name.as_str()),
        ("Content-Type", "application/x-report"),
        ("Content-Disposition", "attachment; filename=r.pdf"),
        ("Cache-Control", "private"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Content-Length", "0"),
        ("ETag", "\"of the app\""),
        ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ];
    let reply = site.get("", |request| request.reply_head(200, Body::Length(0), &headers, true));
    assert_eq!((reply.status, reply.text()), (200, "0123456789"));
    for (name, value) in [
        ("Content-Type", "application/x-report"),
        ("Content-Disposition", "attachment; filename=r.pdf"),
        ("Cache-Control", "private"),
        ("Content-Length", "10"),
        ("Accept-Ranges", "bytes"),
    ] {
        assert_eq!(reply.header(name), Some(value));
    }
    let all = |name: &str| reply.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name)).count();
    assert_eq!((all("Set-Cookie"), all("ETag"), all("Last-Modified"), all("Content-Length")), (2, 1, 1, 1));
    assert_ne!(reply.header("ETag"), Some("\"of the app\""));
    assert_eq!(reply.header("X-Sendfile"), None);
}

#[test]
fn a_file_may_be_named_in_full_or_from_the_root() {
    let site = Site::new();
    symlink("private", site.folder.path("link")).expect("a link of our own");
    for (header, value) in [
        ("X-Sendfile", site.full("report.pdf").as_str()),
        ("x-sendfile", "/report.pdf"),
        ("X-Sendfile", "report.pdf"),
        ("X-Accel-Redirect", "/report.pdf"),
        ("X-Accel-Redirect", "/report%2Epdf?token=1"),
        ("x-accel-redirect", site.full("report.pdf").as_str()),
    ] {
        assert_eq!(site.named(header, value).text(), "0123456789", "{header}: {value}");
    }
    assert_eq!(site.named("X-Sendfile", "/a b.txt").text(), "space");
    assert_eq!(site.named("X-Accel-Redirect", "/a%20b.txt").text(), "space");
    assert_eq!(
        site.named("X-Sendfile", "/a b.txt").header("Content-Type"),
        Some("text/plain; charset=utf-8")
    );
}

#[test]
fn a_root_that_is_a_link_is_known_by_its_real_name_too() {
    let site = Site::new();
    symlink("private", site.folder.path("current")).expect("a link of our own");
    let root = SendfileRoot::new(site.folder.path("current"));
    let proxy = quick(|config| config.sites[0].sendfileroot = Some(Arc::new(root)));
    let real = std::fs::canonicalize(site.folder.path("private/report.pdf")).expect("a file of our own");
    let site = Site { proxy, folder: site.folder };
    assert_eq!(site.named("X-Sendfile", real.to_str().expect("UTF-8")).text(), "0123456789");
}

#[test]
fn what_is_outside_is_not_there() {
    let site = Site::new();
    symlink("../secret", site.folder.path("private/link")).expect("a link of our own");
    for value in [
        "/etc/passwd",
        "../secret",
        "/../secret",
        site.folder.path("secret").to_str().expect("UTF-8"),
        site.folder.path("private-secret/x").to_str().expect("UTF-8"),
        &site.full("../secret"),
        &site.full("link"),
        "/link",
        "/",
        "/nothing",
        "",
    ] {
        for header in ["X-Sendfile", "X-Accel-Redirect"] {
            let reply = site.named(header, value);
            assert_eq!(reply.status, 404, "{header}: {value}");
            assert!(!reply.text().contains("secret") && reply.header(header).is_none());
        }
    }
    assert_eq!(site.named("X-Accel-Redirect", "/%2e%2e/secret").status, 404);
}

#[test]
fn ranges_and_conditions_are_ours_to_answer() {
    let site = Site::new();
    let name = site.full("report.pdf");
    let answer = |request: Arrived| {
        let headers = [("X-Sendfile", name.as_str()), ("Content-Type", "application/pdf")];
        request.reply_head(200, Body::Length(0), &headers, true);
    };
    let reply = site.get("Range: bytes=2-4\r\n", answer);
    assert_eq!((reply.status, reply.text()), (206, "234"));
    assert_eq!(reply.header("Content-Range"), Some("bytes 2-4/10"));
    let etag = reply.header("ETag").expect("a tag");
    let reply = site.get(&format!("If-None-Match: {etag}\r\n"), answer);
    assert_eq!((reply.status, reply.header("Content-Type")), (304, None));
    let reply = site.get("Range: bytes=10-\r\n", answer);
    assert_eq!((reply.status, reply.header("Content-Range")), (416, Some("bytes */10")));
}

#[test]
fn a_head_announces_the_file() {
    let site = Site::new();
    let mut client = site.proxy.client();
    let name = site.full("report.pdf");
    let answer = |request: Arrived| request.reply_head(200, Body::None, &[("X-Sendfile", &name)], true);
    let reply = site.reply(&mut client, "HEAD", "", answer);
    assert_eq!(reply.header("Content-Length"), Some("10"));
    let answer = |request: Arrived| request.reply_head(200, Body::None, &[("X-Sendfile", &name)], true);
    assert_eq!(site.reply(&mut client, "GET", "", answer).text(), "0123456789");
}

#[test]
fn a_status_of_the_apps_own_is_kept_and_sent_whole() {
    let site = Site::new();
    for status in [403, 404, 201] {
        let headers = [("X-Sendfile", "/report.pdf")];
        let reply = site.get("Range: bytes=2-4\r\n", |request| {
            request.reply_head(status, Body::Length(0), &headers, true);
        });
        assert_eq!((reply.status, reply.text()), (status, "0123456789"));
    }
}

#[test]
fn a_post_may_be_answered_with_a_file() {
    let site = Site::new();
    let mut client = site.proxy.client();
    client.post("/report", "x=1");
    site.proxy.backend().request().reply_head(200, Body::Length(0), &[("X-Sendfile", "/report.pdf")], true);
    let reply = client.reply();
    assert_eq!((reply.text(), reply.header("Accept-Ranges")), ("0123456789", None));
}

#[test]
fn the_apps_own_body_is_thrown_away_however_long_it_is() {
    let site = Site::new();
    let (mut client, mut backend) = (site.proxy.client(), site.proxy.backend());
    client.get("/download");
    let request = backend.request();
    request.reply_head(200, Body::Unknown, &[("X-Sendfile", "/report.pdf")], false);
    // Several windows: it is credited as if somebody read it.
    backend.send_within_window(&request, &vec![b'x'; 1 << 20]);
    request.data(b"", true);
    assert_eq!(client.reply().text(), "0123456789");
}

#[test]
fn the_slot_is_free_while_the_file_is_on_its_way() {
    let site = Site::new();
    put(&site.folder.path("private/large"), vec![b'x'; 8 << 20]);
    let mut slow = Client::connect_narrow(site.proxy.clients);
    let mut backend = site.proxy.backend();
    ask(&mut slow, "GET", "/download", "");
    backend.request().reply_head(200, Body::Length(0), &[("X-Sendfile", "/large")], true);
    assert_eq!(slow.head().header("Content-Length"), Some("8388608"));
    // Its only slot serves another client.
    let mut other = site.proxy.client();
    other.get("/");
    backend.request().reply(200, "free");
    assert_eq!(other.reply().text(), "free");
    assert_eq!(slow.bytes(8 << 20).len(), 8 << 20);
}

#[test]
fn an_app_that_fails_after_it_named_a_file_is_not_believed() {
    let site = Site::new();
    let reply = site.get("", |request| {
        request.reply_head(200, Body::Unknown, &[("X-Sendfile", "/report.pdf")], false);
        request.reset(ResetCode::AppFault, "it raised");
    });
    assert_eq!(reply.status, 502);
}

#[test]
fn the_app_is_told_how_to_name_files_and_a_client_cannot() {
    let site = Site::new();
    let lies = "X-Sendfile-Type: X-Accel-Redirect\r\nX-Accel-Mapping: /=/etc/\r\n";
    let expected = format!("{}/=/", site.full("").trim_end_matches('/'));
    site.get(lies, |request| {
        assert_eq!(request.header("X-Sendfile-Type").as_deref(), Some("X-Sendfile"));
        assert_eq!(request.header("X-Accel-Mapping"), Some(expected));
        request.reply(200, "");
    });
    let proxy = quick(|_| {});
    let (mut client, mut backend) = (proxy.client(), proxy.backend());
    ask(&mut client, "GET", "/", lies);
    let request = backend.request();
    assert_eq!((request.header("X-Sendfile-Type"), request.header("X-Accel-Mapping")), (None, None));
    request.reply(200, "");
    client.reply();
}

#[test]
fn without_a_root_a_files_name_reaches_only_a_proxy_of_ours() {
    for trusted in [false, true] {
        let proxy = quick(|config| {
            if trusted {
                config.trusted_proxies.push("127.0.0.0/8".parse().expect("a network"));
            }
        });
        let (mut client, mut backend) = (proxy.client(), proxy.backend());
        client.get("/");
        let headers = [("X-Sendfile", "/srv/x"), ("X-Accel-Redirect", "/x"), ("X-Other", "1")];
        backend.request().reply_head(200, Body::Length(0), &headers, true);
        let reply = client.reply();
        let name = |header| reply.header(header);
        assert_eq!(name("X-Sendfile"), trusted.then_some("/srv/x"));
        assert_eq!(name("X-Accel-Redirect"), trusted.then_some("/x"));
        assert_eq!(name("X-Other"), Some("1"));
    }
}
