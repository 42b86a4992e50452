//! Static files.

use std::fs;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use swiftiply::config::{Config, DocRoot, PageCache};

use crate::support::{End, quick};
use crate::{Site, ask, put, set_age};

#[test]
fn a_file_that_is_there_is_served_and_no_app_is_needed() {
    let site = Site::with(&[("app.css", "body{}")]);
    let reply = site.get("/app.css?v=1", "");
    assert_eq!((reply.status, reply.text()), (200, "body{}"));
    assert_eq!(reply.header("Content-Type"), Some("text/css; charset=utf-8"));
    assert_eq!(reply.header("Content-Length"), Some("6"));
    assert_eq!(reply.header("Accept-Ranges"), Some("bytes"));
    assert!(reply.header("ETag").is_some_and(|etag| etag.starts_with('"')));
    assert!(reply.header("Last-Modified").is_some_and(|date| date.ends_with(" GMT")));
    assert!(reply.header("Date").is_some());
    for absent in ["Cache-Control", "Vary", "Content-Encoding", "Content-Range"] {
        assert_eq!(reply.header(absent), None);
    }
}

#[test]
fn what_is_not_there_is_the_apps() {
    let site = Site::with(&[("a.txt", "a"), ("folder/b.txt", "b")]);
    for path in ["/", "/b.txt", "/a.txt/", "/a.txt/x", "/folder", "/folder/", "/A.TXT"] {
        assert!(site.is_the_apps(path), "{path}");
    }
}

#[test]
fn only_get_and_head_are_for_files() {
    let site = Site::with(&[("a.txt", "a")]);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
        let mut client = site.proxy.client();
        ask(&mut client, method, "/a.txt", "Content-Length: 0\r\n");
        let mut backend = site.proxy.backend();
        backend.request().reply(200, "from the app");
        assert_eq!(client.reply().text(), "from the app", "{method}");
    }
}

#[test]
fn a_head_has_the_same_head_and_no_body() {
    let site = Site::with(&[("a.txt", "hello")]);
    let (get, head) = (site.get("/a.txt", ""), site.head("/a.txt", ""));
    assert_eq!(get.headers, head.headers);
    assert_eq!((head.status, head.header("Content-Length")), (200, Some("5")));
}

#[test]
fn a_folder_with_a_slash_is_its_index() {
    let site = Site::with(&[("index.html", "root"), ("docs/index.html", "docs"), ("empty/x", "")]);
    assert_eq!(site.get("/", "").text(), "root");
    let reply = site.get("/docs/", "");
    assert_eq!((reply.text(), reply.header("Content-Type")), ("docs", Some("text/html; charset=utf-8")));
    // A page that is shown without the slash would look for its neighbours in the wrong folder.
    assert!(site.is_the_apps("/docs"));
    assert!(site.is_the_apps("/empty/"));
}

#[test]
fn names_are_decoded_once() {
    let site = Site::with(&[
        ("a b.txt", "space"),
        ("100%.txt", "percent"),
        ("ü.txt", "umlaut"),
        ("a+b.txt", "plus"),
    ]);
    for (path, text) in
        [("/a%20b.txt", "space"), ("/100%25.txt", "percent"), ("/%C3%BC.txt", "umlaut"), ("/a+b.txt", "plus")]
    {
        assert_eq!(site.get(path, "").text(), text, "{path}");
    }
    assert!(site.is_the_apps("/100%2525.txt"));
}

#[test]
fn an_empty_file_is_a_reply_too() {
    let site = Site::with(&[("empty.txt", "")]);
    let reply = site.get("/empty.txt", "");
    assert_eq!((reply.status, reply.header("Content-Length"), reply.text()), (200, Some("0"), ""));
    assert_eq!(site.head("/empty.txt", "").header("Content-Length"), Some("0"));
}

#[test]
fn a_large_file_arrives_whole_on_a_connection_that_stays() {
    let site = Site::with(&[("small", "small")]);
    let large: Vec<u8> = (0..3_000_001_u32).map(|n| (n / 7) as u8).collect();
    put(&site.path("large"), &large);
    let mut client = site.proxy.client();
    for _ in 0..2 {
        client.get("/large");
        assert!(client.reply().body == large);
        client.get("/small");
        assert_eq!(client.reply().text(), "small");
    }
}

#[test]
fn a_client_that_reads_slowly_costs_a_piece_and_not_the_file() {
    let site = Site::with(&[]);
    put(&site.path("large"), vec![b'x'; 8 << 20]);
    let mut client = crate::support::Client::connect_narrow(site.proxy.clients);
    client.get("/large");
    let head = client.head();
    assert_eq!(head.header("Content-Length"), Some("8388608"));
    // Others are served meanwhile.
    put(&site.path("small"), "small");
    assert_eq!(site.get("/small", "").text(), "small");
    assert_eq!(client.bytes(8 << 20).len(), 8 << 20);
}

#[test]
fn an_old_client_gets_the_file_and_the_end() {
    let site = Site::with(&[("a.txt", "hello")]);
    let mut client = site.proxy.client();
    client.send("GET /a.txt HTTP/1.0\r\nHost: app.test\r\n\r\n");
    let mut all = String::new();
    client.stream.read_to_string(&mut all).expect("the connection closes");
    assert!(all.contains("\r\nContent-Length: 5\r\n") && all.ends_with("\r\n\r\nhello"), "{all}");
}

#[test]
fn a_body_that_nobody_wants_does_not_disturb_the_next_request() {
    let site = Site::with(&[("a.txt", "hello")]);
    let mut client = site.proxy.client();
    ask(&mut client, "GET", "/a.txt", "Content-Length: 4\r\n");
    client.send("body");
    assert_eq!(client.reply().text(), "hello");
    client.get("/a.txt");
    assert_eq!(client.reply().text(), "hello");
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_is_cut() {
    let site = Site::with(&[]);
    put(&site.path("large"), vec![b'x'; 8 << 20]);
    let mut client = crate::support::Client::connect_narrow(site.proxy.clients);
    client.get("/large");
    client.head();
    fs::write(site.path("large"), "now it is short").expect("a file of our own");
    assert_cut(&mut client);
}

#[test]
fn a_file_that_is_written_over_while_it_is_sent_is_cut() {
    let site = Site::with(&[]);
    put(&site.path("large"), vec![b'x'; 8 << 20]);
    let mut client = crate::support::Client::connect_narrow(site.proxy.clients);
    client.get("/large");
    client.head();
    fs::write(site.path("large"), vec![b'y'; 8 << 20]).expect("a file of our own");
    assert_cut(&mut client);
}

/// The rest of 8 MiB does not all come, and the connection ends in no order.
fn assert_cut(client: &mut crate::support::Client) {
    let mut rest = Vec::new();
    assert!(client.stream.read_to_end(&mut rest).is_err() && rest.len() < 8 << 20, "{}", rest.len());
}

#[test]
fn a_file_that_is_replaced_while_it_is_sent_arrives_as_it_was() {
    let site = Site::with(&[]);
    put(&site.path("large"), vec![b'x'; 8 << 20]);
    put(&site.path("new"), "new");
    let mut client = crate::support::Client::connect_narrow(site.proxy.clients);
    client.get("/large");
    client.head();
    fs::rename(site.path("new"), site.path("large")).expect("files of our own");
    assert!(client.bytes(8 << 20) == vec![b'x'; 8 << 20]);
    client.get("/large");
    assert_eq!(client.reply().text(), "new");
}

#[test]
fn a_changed_file_has_another_tag() {
    let site = Site::with(&[("a.txt", "one")]);
    let first = site.get("/a.txt", "");
    put(&site.path("a.txt"), "two");
    set_age(&site.path("a.txt"), Duration::from_secs(60));
    let second = site.get("/a.txt", "");
    assert_eq!(second.text(), "two");
    assert_ne!(first.header("ETag"), second.header("ETag"));
    assert_ne!(first.header("Last-Modified"), second.header("Last-Modified"));
}

#[test]
fn a_file_that_has_just_changed_has_a_weak_tag() {
    let site = Site::with(&[("a.txt", "one")]);
    set_age(&site.path("a.txt"), Duration::ZERO);
    let etag = site.get("/a.txt", "").header("ETag").expect("a tag").to_owned();
    assert!(etag.starts_with("W/\""), "{etag}");
}

#[test]
fn a_site_may_say_how_long_files_are_good() {
    let site = Site::changed(&[("a.txt", "a")], |_, docroot| {
        docroot.max_age = Some(Duration::from_secs(31_536_000))
    });
    let reply = site.get("/a.txt", "");
    assert_eq!(reply.header("Cache-Control"), Some("max-age=31536000"));
    let etag = format!("If-None-Match: {}\r\n", reply.header("ETag").expect("a tag"));
    let reply = site.get("/a.txt", &etag);
    assert_eq!((reply.status, reply.header("Cache-Control")), (304, Some("max-age=31536000")));
}

#[test]
fn a_deploy_that_moves_the_root_is_served_at_once() {
    let site = Site::with(&[]);
    put(&site.folder.path("releases/1/a.txt"), "one");
    put(&site.folder.path("releases/2/a.txt"), "two");
    let current = site.folder.path("current");
    std::os::unix::fs::symlink("releases/1", &current).expect("a link of our own");
    let docroot = DocRoot::new(&current);
    let proxy = quick(|config| config.sites[0].docroot = Some(Arc::new(docroot)));
    let mut client = proxy.client();
    client.get("/a.txt");
    assert_eq!(client.reply().text(), "one");
    fs::remove_file(&current).expect("a link of our own");
    std::os::unix::fs::symlink("releases/2", &current).expect("a link of our own");
    client.get("/a.txt");
    assert_eq!(client.reply().text(), "two");
}

#[test]
fn a_root_that_comes_with_the_first_deploy_is_served_then() {
    let site = Site::with(&[]);
    fs::remove_dir(site.path("")).expect("a folder of our own");
    assert!(site.is_the_apps("/a.txt"));
    put(&site.path("a.txt"), "a");
    assert_eq!(site.get("/a.txt", "").text(), "a");
}

#[test]
fn pages_that_the_app_wrote_down_are_served() {
    let files = [("cached/about.html", "about"), ("cached/index.html", "home"), ("cached/feed.xml", "feed")];
    let site = Site::changed(&files, |_, docroot| {
        let extensions = vec!["html".to_owned(), "xml".to_owned()];
        docroot.page_cache = Some(PageCache { folder: "cached".into(), extensions });
    });
    for (path, text) in [("/about", "about"), ("/about.html", "about"), ("/", "home"), ("/feed", "feed")] {
        assert_eq!(site.get(path, "").text(), text, "{path}");
    }
    assert_eq!(site.get("/feed", "").header("Content-Type"), Some("text/xml; charset=utf-8"));
    assert!(site.is_the_apps("/contact"));
}

#[test]
fn a_mask_leaves_files_to_the_app() {
    let text = "cluster_address: 127.0.0.1\ncluster_port: 0\nmap:\n  - incoming: a.test\n    outgoing: 127.0.0.1:0\n    \
                docroot: ROOT\n    staticmask: \\.php$|/private/\n";
    let site = Site::with(&[("a.php", "source"), ("private/x.txt", "x"), ("a.txt", "a")]);
    let text = text.replace("ROOT", site.path("").to_str().expect("UTF-8"));
    let (config, _) = Config::from_text(&text, "test.yml".as_ref()).expect("a configuration");
    let docroot = config.sites[0].docroot.clone();
    let proxy = quick(|config| config.sites[0].docroot = docroot);
    let site = Site { proxy, folder: site.folder };
    assert!(site.is_the_apps("/a.php") && site.is_the_apps("/private/x.txt"));
    assert_eq!(site.get("/a.txt", "").text(), "a");
}

#[test]
fn a_site_without_a_docroot_serves_no_file() {
    let proxy = quick(|_| {});
    let (mut client, mut backend) = (proxy.client(), proxy.backend());
    client.get("/etc/passwd");
    backend.request().reply(404, "from the app");
    let reply = client.reply();
    assert_eq!((reply.text(), reply.end), ("from the app", End::Whole));
}
