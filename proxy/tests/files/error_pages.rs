//! A site's own pages in place of our plain sentences.

use std::time::Duration;

use swiftiply::config::Config;
use swiftiply_wire::ResetCode;

use crate::support::{Folder, TestProxy, quick};

/// A proxy whose site, and whoever has no site, has pages for its errors.
fn proxy() -> (Folder, TestProxy) {
    let folder = Folder::new();
    for (name, text) in [("404.html", "<p>nothing here"), ("502.html", "<p>broken"), ("503.txt", "soon")] {
        folder.write(name, text);
    }
    let text = "cluster_address: 127.0.0.1\ncluster_port: 0\nshards: 1\nlog: {access: off}\n\
                error_pages: {404: 404.html, 502: 502.html, 503: 503.txt}\n\
                map:\n  - incoming: app.test\n    outgoing: 127.0.0.1:0\n    timeout: 0\n    sendfileroot: .\n";
    let path = folder.write("swiftiply.yml", text);
    let (config, _) = Config::load(&path).expect("a configuration");
    (folder, TestProxy::start(&config))
}

#[test]
fn our_own_errors_are_shown_as_the_site_wants() {
    let (_folder, proxy) = proxy();
    let mut client = proxy.client();
    client.get("/");
    let reply = client.reply();
    assert_eq!((reply.status, reply.text()), (503, "soon"));
    assert_eq!(reply.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!((reply.header("Retry-After"), reply.header("Cache-Control")), (Some("1"), Some("no-store")));

    let mut backend = proxy.backend();
    client.get("/");
    backend.request().reset(ResetCode::AppFault, "it raised");
    let reply = client.reply();
    assert_eq!((reply.status, reply.text()), (502, "<p>broken"));
    assert_eq!(reply.header("Content-Type"), Some("text/html; charset=utf-8"));

    client.send("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    assert_eq!(client.reply().text(), "<p>nothing here");
}

#[test]
fn what_the_app_says_itself_is_left_alone() {
    let (_folder, proxy) = proxy();
    let (mut client, mut backend) = (proxy.client(), proxy.backend());
    for status in [404, 502, 503] {
        client.get("/");
        backend.request().reply(status, "of the app");
        assert_eq!(client.reply().text(), "of the app");
    }
}

#[test]
fn a_head_is_told_of_the_page_and_not_sent_it() {
    let (_folder, proxy) = proxy();
    let mut client = proxy.client();
    client.send("HEAD / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    let reply = client.reply_to_head();
    assert_eq!((reply.status, reply.header("Content-Length")), (404, Some("15")));
    client.send("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    assert_eq!(client.reply().status, 404);
}

#[test]
fn without_a_page_there_is_a_sentence() {
    let proxy = quick(|config| config.sites[0].timeout = Duration::ZERO);
    let mut client = proxy.client();
    client.get("/");
    assert!(client.reply().text().starts_with("503 Service Unavailable\n\n"));
}
