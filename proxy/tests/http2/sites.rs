//! Which backends a stream's request goes to, and how much and how slowly it may bring.

use std::sync::Arc;

use http_types::Request;
use swiftiply::config::{Certificate, Config, Outgoing, PoolConfig, SiteConfig, TlsConfig, TlsVersion};
use swiftiply::http::Hsts;
use swiftiply_wire::{Body, CancelCode, ResetCode, Scheme};

use crate::client::{Http2, Stream};
use crate::support::{Address, Authority, Backend, Dial, Folder, TestProxy, one_site, quick};

/// A GET of this URL; its scheme and host become `:scheme` and `:authority`.
fn get(client: &Http2, url: &str) -> Stream {
    client.send(Request::get(url).body(()).expect("a request"), true)
}

fn pool(folder: &Folder, prefix: &str, socket: &str) -> PoolConfig {
    PoolConfig { prefix: prefix.parse().unwrap(), outgoing: vec![Outgoing::Unix(folder.path(socket))] }
}

fn backend_at(proxy: &TestProxy, folder: &Folder, socket: &str) -> Backend {
    proxy.backend_as(Dial::to(Address::Unix(folder.path(socket))))
}

#[test]
fn the_longest_prefix_of_its_path_gets_a_stream() {
    let folder = Folder::new();
    let pools = [("/", "root"), ("/api", "api"), ("/api/admin", "admin")];
    let proxy = quick(|config| {
        config.sites[0].pools = pools.map(|(prefix, socket)| pool(&folder, prefix, socket)).into();
    });
    let mut backends = pools.map(|(_, socket)| backend_at(&proxy, &folder, socket));
    let client = Http2::connect(proxy.clients);
    for (path, pool) in [("/", 0), ("/apis", 0), ("/api?x", 1), ("/api/a", 1), ("/api/admin/x", 2)] {
        let mut stream = client.get(path);
        backends[pool].request().reply(200, path);
        assert_eq!(stream.reply().text(), path);
    }
    for path in ["/%61pi", "//api", "/x/../api", "/./api"] {
        let reply = client.get(path).reply();
        assert_eq!(reply.status, 400, "{path}");
        assert!(reply.text().contains("The path could be read as that of two apps"), "{}", reply.text());
    }
    // Three streams, three pools: none waits for another's slot.
    let mut streams = ["/", "/api", "/api/admin"].map(|path| client.get(path));
    for (backend, stream) in backends.iter_mut().zip(&mut streams).rev() {
        backend.request().reply(200, "done");
        assert_eq!(stream.reply().status, 200);
    }
}

#[test]
fn a_wildcard_has_the_names_below_it_that_no_other_site_has() {
    let folder = Folder::new();
    let proxy = quick(|config| {
        config.sites[0].hosts = vec!["*.app.test".into()];
        config.sites[0].is_default = false;
        config.sites[0].pools = vec![pool(&folder, "/", "wild")];
        let exact = SiteConfig::new("www.app.test", Outgoing::Unix(folder.path("exact")));
        config.sites.push(exact);
    });
    let mut backends = ["wild", "exact"].map(|socket| backend_at(&proxy, &folder, socket));
    let client = Http2::connect(proxy.clients);
    for (host, site) in [
        ("a.app.test", Some(0)),
        ("B.A.App.Test.:80", Some(0)),
        ("www.app.test", Some(1)),
        ("app.test", None),
        ("a.other.test", None),
    ] {
        let mut stream = get(&client, &format!("http://{host}/"));
        if let Some(site) = site {
            let request = backends[site].request();
            assert_eq!(request.authority(), host);
            request.reply(200, "done");
        }
        assert_eq!(stream.reply().status, if site.is_some() { 200 } else { 404 }, "{host}");
    }
}

#[test]
fn a_body_that_comes_too_slowly_is_answered_408_and_its_connection_stays() {
    // The rate is averaged over ten seconds, so this test takes as long.
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let (mut small, mut large) = (client.post("/small"), client.post("/large"));
    small.send(b"12345", false);
    large.send(&[b'a'; 20_000], false);
    let request = backend.request();
    assert_eq!(request.path(), "/large");
    for stream in [&mut small, &mut large] {
        assert_eq!(stream.reply().status, 408);
    }
    assert_eq!(backend.cancelled(&request), CancelCode::RequestCut);
    request.reset(ResetCode::Cancelled, "the body broke off");
    let mut next = client.get("/next");
    backend.request().reply(200, "next");
    assert_eq!(next.reply().text(), "next");
}

#[test]
fn a_body_that_grows_too_large_on_its_way_is_answered_413() {
    let proxy = quick(|config| config.sites[0].max_body = Some(30_000));
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut stream = client.post("/");
    stream.send(&[b'a'; 20_000], false);
    let request = backend.request();
    stream.send(&[b'a'; 20_000], false);
    assert_eq!(stream.reply().status, 413);
    assert_eq!(backend.cancelled(&request), CancelCode::RequestCut);
    request.reset(ResetCode::Cancelled, "the body broke off");
    let mut next = client.get("/next");
    backend.request().reply(200, "next");
    assert_eq!(next.reply().text(), "next", "the connection stays");
}

/// `app.test` for clients with TLS only.
fn only_tls(config: &mut Config) {
    config.sites[0].redirect_to_https = Some(443);
    config.sites[0].hsts = Some(Hsts { max_age: 300, include_subdomains: true, preload: false });
}

#[test]
fn a_stream_without_tls_is_sent_to_the_same_page_with_it_whatever_scheme_it_names() {
    let proxy = quick(only_tls);
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    for (method, url, status) in [
        ("GET", "http://app.test/a?b", 301),
        ("GET", "https://app.test/a?b", 301),
        ("HEAD", "http://app.test:8080/a?b", 301),
        ("POST", "http://app.test/a?b", 308),
    ] {
        let request = Request::builder().method(method).uri(url).body(()).expect("a request");
        let reply = client.send(request, true).reply();
        assert_eq!((reply.status, reply.header("location")), (status, Some("https://app.test/a?b")), "{url}");
        assert_eq!(reply.header("strict-transport-security"), None, "in plaintext it means nothing");
        assert_eq!(reply.text().is_empty(), method == "HEAD");
    }
    backend.has_no_request();
}

#[test]
fn a_stream_over_tls_is_served_and_told_to_stay_with_it() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let (certfile, keyfile) = authority.issue_into(&folder, "app", &["app.test"]);
    let mut config = one_site();
    config.tls = vec![TlsConfig {
        address: config.listen[0].clone(),
        certificates: vec![Arc::new(Certificate::load(&certfile, Some(&keyfile)).unwrap())],
        min_version: TlsVersion::default(),
    }];
    only_tls(&mut config);
    config.sites[0].queue = 0;
    let proxy = TestProxy::start(&config);
    let mut backend = proxy.backend();
    let client = Http2::connect_secure(&authority.dial(proxy.clients));
    let stays = "max-age=300; includeSubDomains";

    let mut stream = get(&client, "https://app.test/");
    let request = backend.request();
    assert_eq!(request.head.scheme(), Scheme::Https);
    assert_eq!(request.header("X-Forwarded-Proto").as_deref(), Some("https"));
    // Many records, so that their ends and those of frames meet in every way.
    let body: Vec<u8> = (0..1_000_000u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    request.reply_head(200, Body::Length(body.len() as u64), &[], false);
    let reading = std::thread::spawn(move || stream.reply());
    backend.send_within_window(&request, &body);
    request.data(b"", true);
    let reply = reading.join().expect("a reply");
    assert_eq!((reply.status, reply.header("strict-transport-security")), (200, Some(stays)));
    assert!(reply.body == body);

    let mut stream = get(&client, "https://app.test/own");
    let own = [("Strict-Transport-Security", "max-age=0")];
    backend.request().reply_head(200, Body::Length(0), &own, true);
    let reply = stream.reply();
    let told: Vec<_> = reply.headers.get_all("strict-transport-security").iter().collect();
    assert_eq!(told, ["max-age=0"], "the app says otherwise");

    // Our own answers say it too.
    backend.slots(0);
    backend.round_trip();
    let reply = get(&client, "https://app.test/").reply();
    assert_eq!((reply.status, reply.header("strict-transport-security")), (503, Some(stays)));
}
