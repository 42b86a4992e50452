//! Which site a request belongs to, and what the app is told of its client.

use swiftiply::config::{Config, Outgoing, SiteConfig};

use crate::support::{Arrived, Backend, Dial, Folder, TestProxy, one_site, quick};

/// What the app gets of this request.
fn as_the_app_sees_it(change: impl FnOnce(&mut Config), request: &str) -> Arrived {
    let proxy = quick(change);
    let (mut backend, mut client) = (proxy.backend(), proxy.client());
    client.send(request);
    let arrived = backend.request();
    arrived.reply(200, "done");
    client.reply();
    arrived
}

/// Three sites: by name, by an IPv6 address, and one for `other.test`. None is the default.
fn three_sites(folder: &Folder) -> Config {
    let mut config = one_site();
    config.sites[0].is_default = false;
    for host in ["[2001:db8::1]", "other.test"] {
        let door = folder.path(&format!("{}.sock", config.sites.len()));
        config.sites.push(SiteConfig::new(host, Outgoing::Unix(door)));
    }
    config
}

fn backends(proxy: &TestProxy) -> Vec<Backend> {
    proxy.doors.iter().map(|door| proxy.backend_as(Dial::to(door.clone()))).collect()
}

#[test]
fn a_host_finds_its_site_however_it_is_spelled() {
    let folder = Folder::new();
    let proxy = TestProxy::start(&three_sites(&folder));
    let mut backends = backends(&proxy);
    let mut client = proxy.client();
    for (host, site) in [
        ("app.test", 0),
        ("APP.Test", 0),
        ("app.test.", 0),
        ("app.test:8080", 0),
        ("App.Test.:80", 0),
        ("[2001:db8::1]", 1),
        ("[2001:DB8:0::1]:8080", 1),
        ("other.test", 2),
    ] {
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let request = backends[site].request();
        assert_eq!(request.authority(), host, "as the client wrote it");
        request.reply(200, "done");
        client.reply();
    }
}

#[test]
fn an_absolute_target_names_the_host() {
    let folder = Folder::new();
    let proxy = TestProxy::start(&three_sites(&folder));
    let mut backends = backends(&proxy);
    let mut client = proxy.client();
    client.send("GET http://other.test:81/path?a=b HTTP/1.1\r\nHost: app.test\r\n\r\n");
    let request = backends[2].request();
    assert_eq!((request.path().as_str(), request.head.query()), ("/path", Some(&b"a=b"[..])));
    assert_eq!(request.authority(), "other.test:81");
    assert_eq!(request.header("Host").as_deref(), Some("other.test:81"));
    request.reply(200, "done");
    client.reply();
}

#[test]
fn a_host_that_no_site_has_is_not_found_and_the_connection_stays() {
    let folder = Folder::new();
    let proxy = TestProxy::start(&three_sites(&folder));
    let mut backends = backends(&proxy);
    let mut client = proxy.client();
    for host in ["app.test.evil", "xapp.test", "127.0.0.1", "[2001:db8::2]"] {
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (404, false), "{host}");
    }
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.reply().status, 404);
    backends.iter_mut().for_each(Backend::has_no_request);
}

#[test]
fn the_default_site_gets_every_other_host() {
    let folder = Folder::new();
    let mut config = three_sites(&folder);
    config.sites[2].is_default = true;
    let proxy = TestProxy::start(&config);
    let mut backends = backends(&proxy);
    let mut client = proxy.client();
    for head in ["GET / HTTP/1.1\r\nHost: unknown.test", "GET / HTTP/1.0\r\nConnection: keep-alive"] {
        client.send(format!("{head}\r\n\r\n"));
        backends[2].request().reply(200, "done");
        client.reply();
    }
}

#[test]
fn target_and_method_reach_the_app_as_they_came() {
    for (line, method, path, query) in [
        ("GET /", "GET", "/", None),
        ("GET /?", "GET", "/", Some("")),
        ("GET /a%20b//c/../d?x=%00&y", "GET", "/a%20b//c/../d", Some("x=%00&y")),
        ("OPTIONS *", "OPTIONS", "*", None),
        ("M-SEARCH /", "M-SEARCH", "/", None),
        ("get /", "get", "/", None),
    ] {
        let request = as_the_app_sees_it(|_| {}, &format!("{line} HTTP/1.1\r\nHost: app.test\r\n\r\n"));
        assert_eq!((request.method().as_str(), request.path().as_str()), (method, path));
        assert_eq!(request.head.query(), query.map(str::as_bytes), "{line}");
    }
}

#[test]
fn the_app_is_told_who_the_client_is_and_not_who_it_says_it_is() {
    let request = as_the_app_sees_it(
        |_| {},
        "GET / HTTP/1.1\r\nHost: app.test:8080\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-proto: https\r\n\
         X-Forwarded-Host: evil.test\r\nX-Forwarded-Port: 443\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n\
         X-Forwarded-Prefix: /evil\r\nX_Forwarded_For: 6.6.6.6\r\nProxy: http://evil.test\r\n\r\n",
    );
    assert_eq!(request.header("X-Forwarded-For").as_deref(), Some("127.0.0.1"));
    assert_eq!(request.header("X-Forwarded-Proto").as_deref(), Some("http"));
    assert_eq!(request.header("X-Forwarded-Host").as_deref(), Some("app.test:8080"));
    assert_eq!(request.header("X-Forwarded-Port").as_deref(), Some("8080"));
    for gone in ["Forwarded", "X-Real-IP", "X-Forwarded-Prefix", "X_Forwarded_For", "Proxy"] {
        assert_eq!(request.header(gone), None, "{gone}");
    }
    let peer = request.head.peer().unwrap();
    assert!(peer.ip().is_loopback() && peer.port() != 0, "{peer}");
}

#[test]
fn a_trusted_proxy_is_believed() {
    let request = as_the_app_sees_it(
        |config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()],
        "GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: www.example.com\r\n\r\n",
    );
    assert_eq!(request.header("X-Forwarded-For").as_deref(), Some("192.0.2.1, 10.0.0.1, 127.0.0.1"));
    assert_eq!(request.header("X-Forwarded-Proto").as_deref(), Some("https"));
    assert_eq!(request.header("X-Forwarded-Host").as_deref(), Some("www.example.com"));
}

#[test]
fn whoever_is_not_a_trusted_proxy_is_not_believed_although_there_are_some() {
    let request = as_the_app_sees_it(
        |config| config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()],
        "GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n\r\n",
    );
    assert_eq!(request.header("X-Forwarded-For").as_deref(), Some("127.0.0.1"));
    assert_eq!(request.header("X-Forwarded-Proto").as_deref(), Some("http"));
}

#[test]
fn a_site_may_do_without_forwarded_headers_and_the_clients_own_are_gone_all_the_same() {
    let request = as_the_app_sees_it(
        |config| config.sites[0].xforwardedfor = false,
        "GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n",
    );
    for gone in ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"] {
        assert_eq!(request.header(gone), None, "{gone}");
    }
}

#[test]
fn what_is_said_from_hop_to_hop_stays_behind() {
    let request = as_the_app_sees_it(
        |_| {},
        "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, X-Hop, Authorization, Host\r\nX-Hop: 1\r\n\
         Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nTE: trailers, gzip\r\n\
         Upgrade: h2c\r\nAuthorization: Bearer x\r\nX-Kept: 1\r\nX-Kept: 2\r\n\r\n",
    );
    for gone in ["Connection", "X-Hop", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Upgrade"] {
        assert_eq!(request.header(gone), None, "{gone}");
    }
    assert_eq!(request.header("TE").as_deref(), Some("trailers"));
    assert_eq!(request.header("Authorization").as_deref(), Some("Bearer x"), "Connection cannot strip it");
    assert_eq!(request.header("Host").as_deref(), Some("app.test"));
    assert_eq!(request.header("X-Kept").as_deref(), Some("1|2"));
}
