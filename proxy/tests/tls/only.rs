//! Sites that are for clients with TLS only: where the others are sent, and what browsers are told.

use swiftiply::config::Config;
use swiftiply::http::Hsts;
use swiftiply_wire::Body;

use crate::Served;
use crate::support::{Client, quick};

const HSTS: Hsts = Hsts { max_age: 300, include_subdomains: true, preload: false };

fn only_tls(config: &mut Config) {
    config.sites[0].redirect_to_https = Some(443);
    config.sites[0].hsts = Some(HSTS);
}

/// The reply's status and where it sends the client.
fn sent_to(client: &mut Client, head: &str) -> (u16, String) {
    client.send(head);
    let reply = if head.starts_with("HEAD") { client.reply_to_head() } else { client.reply() };
    assert_eq!(reply.header("Strict-Transport-Security"), None, "in plaintext it means nothing");
    (reply.status, reply.header("Location").unwrap_or("nowhere").to_owned())
}

#[test]
fn a_client_without_tls_is_sent_to_the_same_page_with_it() {
    let proxy = quick(only_tls);
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    for (head, status, location) in [
        ("GET /a/b?c=d&e HTTP/1.1\r\nHost: app.test\r\n\r\n", 301, "https://app.test/a/b?c=d&e"),
        ("HEAD / HTTP/1.1\r\nHost: App.test:8080\r\n\r\n", 301, "https://app.test/"),
        ("GET http://app.test HTTP/1.1\r\nHost: x\r\n\r\n", 301, "https://app.test/"),
        ("POST /form HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n", 308, "https://app.test/form"),
        ("OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n", 308, "https://app.test/"),
        ("GET //evil.test HTTP/1.1\r\nHost: app.test\r\n\r\n", 301, "https://app.test//evil.test"),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Proto: https\r\n\r\n", 301, "https://app.test/"),
        ("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 301, "https://app.test/old"),
    ] {
        assert_eq!(sent_to(&mut client, head), (status, location.to_owned()), "{head}");
    }
    backend.has_no_request();
}

#[test]
fn a_port_other_than_443_is_named() {
    let proxy = quick(|config| config.sites[0].redirect_to_https = Some(8443));
    let mut client = proxy.client();
    let head = "GET /a HTTP/1.1\r\nHost: app.test:8080\r\n\r\n";
    assert_eq!(sent_to(&mut client, head), (301, "https://app.test:8443/a".to_owned()));
}

#[test]
fn a_client_that_came_over_tls_to_a_trusted_proxy_is_served() {
    let proxy = quick(|config| {
        only_tls(config);
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    });
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Proto: https\r\n\r\n");
    backend.request().reply(200, "hello");
    let reply = client.reply();
    assert_eq!(reply.header("Strict-Transport-Security"), Some("max-age=300; includeSubDomains"));
    let head = "GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Proto: http\r\n\r\n";
    assert_eq!(sent_to(&mut client, head).0, 301);
}

#[test]
fn browsers_are_told_to_stay_with_tls_unless_the_app_says_otherwise() {
    let served = Served::start_with(|config| {
        only_tls(config);
        config.sites[0].queue = 0;
    });
    let mut backend = served.proxy.backend();
    let mut client = served.dial().connect();
    client.get("/");
    backend.request().reply(200, "hello");
    let reply = client.reply();
    assert_eq!(reply.header("Strict-Transport-Security"), Some("max-age=300; includeSubDomains"));
    client.get("/");
    let own = [("strict-transport-security", "max-age=0")];
    backend.request().reply_head(200, Body::Length(0), &own, true);
    let reply = client.reply();
    let told: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("strict-transport-security"))
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, "max-age=0");
    // Our own answers say it too.
    backend.slots(0);
    backend.round_trip();
    client.get("/");
    let reply = client.reply();
    assert_eq!(
        (reply.status, reply.header("Strict-Transport-Security")),
        (503, Some("max-age=300; includeSubDomains"))
    );
}

#[test]
fn without_the_switch_nothing_is_said() {
    let served = Served::start();
    let mut backend = served.proxy.backend();
    let mut client = served.dial().connect();
    client.get("/");
    backend.request().reply(200, "hello");
    assert_eq!(client.reply().header("Strict-Transport-Security"), None);
}
