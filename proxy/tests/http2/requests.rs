//! A request on a stream is served like any other: the same sites, dispatch, queue and log.

use swiftiply::config::{Outgoing, SiteConfig};

use crate::client::{Http2, request};
use crate::support::{Dial, Folder, quick};

#[test]
fn a_request_gets_its_reply() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    for number in 0..3 {
        let mut stream = client.get(&format!("/{number}?a=b"));
        let request = backend.request();
        assert_eq!((request.method().as_str(), request.path()), ("GET", format!("/{number}")));
        request.reply(200, "hello");
        let reply = stream.reply();
        assert_eq!((reply.status, reply.text()), (200, "hello"));
        assert_eq!(reply.headers["content-length"], "5");
        assert_eq!(reply.headers["server"], "swiftiply");
        assert!(reply.headers.contains_key("date"));
        assert!(
            !reply.headers.contains_key("connection") && !reply.headers.contains_key("transfer-encoding")
        );
    }
}

#[test]
fn many_streams_share_one_slot_one_after_the_other() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let mut streams: Vec<_> = (0..20).map(|number| client.get(&format!("/{number}"))).collect();
    proxy.until_waiting(19);
    for number in 0..20 {
        let request = backend.request();
        assert_eq!(request.path(), format!("/{number}"), "first in, first out");
        backend.has_no_request();
        request.reply(200, &number.to_string());
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        assert_eq!(stream.reply().text(), number.to_string());
    }
}

#[test]
fn replies_come_in_any_order() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend_with_slots(3);
    let client = Http2::connect(proxy.clients);
    let mut streams: Vec<_> = ["/a", "/b", "/c"].map(|path| client.get(path)).into();
    let requests: Vec<_> = (0..3).map(|_| backend.request()).collect();
    for request in requests.iter().rev() {
        request.reply(200, &request.path());
        let stream = ["/a", "/b", "/c"].iter().position(|path| *path == request.path()).expect("one of ours");
        assert_eq!(streams[stream].reply().text(), request.path());
    }
}

#[test]
fn each_stream_finds_the_site_of_its_own_authority() {
    let folder = Folder::new();
    let proxy = quick(|config| {
        config.sites[0].is_default = false;
        config.sites.push(SiteConfig::new("other.test", Outgoing::Unix(folder.path("other.sock"))));
    });
    let mut other = proxy.backend_as(Dial::to(proxy.doors[1].clone()));
    let mut app = proxy.backend();
    let client = Http2::connect(proxy.clients);
    let at = |host: &str| http_types::Request::get(format!("http://{host}/")).body(()).expect("a request");
    let mut ours = client.get("/");
    let mut theirs = client.send(at("other.test"), true);
    let reply = client.send(at("nobody.test"), true).reply();
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("No site of this proxy has this host name."), "{}", reply.text());
    app.request().reply(200, "app");
    other.request().reply(200, "other");
    assert_eq!((ours.reply().text(), theirs.reply().text()), ("app", "other"));
}

#[test]
fn a_request_that_waits_too_long_is_answered() {
    let proxy = quick(|config| config.sites[0].timeout = std::time::Duration::from_millis(100));
    let client = Http2::connect(proxy.clients);
    let reply = client.get("/").reply();
    assert_eq!((reply.status, reply.headers["retry-after"].as_bytes()), (503, &b"1"[..]));
    let head = client.send(request("HEAD", "/"), true).reply();
    assert_eq!((head.status, head.text()), (503, ""));
    assert!(head.headers["content-length"] != "0");
}

#[test]
fn a_full_queue_is_answered() {
    let proxy = quick(|config| config.sites[0].queue = 1);
    let client = Http2::connect(proxy.clients);
    let waiting = client.get("/first");
    proxy.until_waiting(1);
    assert_eq!(client.get("/second").reply().status, 503);
    drop(waiting);
    proxy.until_waiting(0);
}

#[test]
fn http_1_1_goes_on_beside_it_and_is_not_left_for_it() {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.get("/");
    backend.request().reply(200, "one");
    assert_eq!(client.reply().text(), "one");
    // Only the first bytes of a connection are a preface.
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let reply = client.reply();
    assert!((400..=505).contains(&reply.status) && reply.closes(), "{reply:?}");
}

#[test]
fn it_can_be_turned_off() {
    let proxy = quick(|config| config.http2.enabled = false);
    let mut client = proxy.client();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let reply = client.reply();
    assert!((400..=505).contains(&reply.status) && reply.closes(), "{reply:?}");
}
