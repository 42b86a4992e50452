//! One line in the access log for each request, whatever became of it; and one in the error log for all headers with an
//! underscore together, so that nobody can fill it with them.
//!
//! A file of its own, because a process opens its logs once.

#[path = "support/mod.rs"]
mod support;

#[path = "http2/frames.rs"]
#[allow(dead_code)]
mod frames;

use frames::Peer;
use std::time::Duration;
use support::{Folder, quick};
use swiftiply::config::{AccessLog, Log, LogLevel};
use swiftiply::logging;
use swiftiply::run::Event;
use swiftiply_wire::Body;

#[test]
fn each_request_has_its_line_and_all_underscores_one() {
    let folder = Folder::new();
    let file = folder.path("access.log");
    let access = AccessLog::File(file.clone());
    logging::start(&Log { access, error: Some(folder.path("error.log")), level: LogLevel::Debug }).unwrap();

    let proxy = quick(|config| {
        config.sites[0].is_default = false;
        config.sites[0].tunnel_timeout = Some(Duration::from_millis(100));
    });
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.send(
        "GET /a?b HTTP/1.1\r\nHost: app.test\r\nX_A: 1\r\nReferer: /from\r\nUser-Agent: a \"test\"\r\n\r\n",
    );
    backend.request().reply(200, "thirteen byte");
    client.reply();
    client.send("GET /nowhere HTTP/1.1\r\nHost: unknown.test\r\nX_B: 1\r\nX_C: 1\r\n\r\n");
    client.reply();
    client.post("/lost", "an order");
    backend.request().started();
    backend.round_trip();
    backend.die();
    client.reply();
    proxy.until("nobody is left", |counts| counts.backends == 0);
    client.get("/gone");
    proxy.until_waiting(1);
    drop(client);
    proxy.until_waiting(0);
    let mut client = proxy.client();
    client.send("nonsense\r\n\r\n");
    client.reply();
    drop(client);
    let (mut backend, mut peer) = (proxy.backend(), Peer::connect(proxy.clients));
    peer.get(1);
    backend.request().reply(200, "thirteen byte");
    peer.body(1);
    peer.request(3, &[(":method", "TRACE"), (":scheme", "http"), (":authority", "app.test"), (":path", "/")]);
    peer.head(3);
    drop(peer);
    let mut client = proxy.client();
    client.send("GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    let request = backend.request();
    request.reply_head(101, Body::None, &[("Upgrade", "websocket")], false);
    request.data(b"hello", false);
    client.head();
    client.bytes(5);
    client.end();
    proxy.tell(Event::Stop);
    proxy.join();
    logging::finish();

    let log = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = log.lines().collect();
    let process = std::process::id();
    for (line, (request, rest, site, backend)) in lines.iter().zip([
        (
            "\"GET /a?b HTTP/1.1\" 200 13 ",
            "\"/from\" \"a \\x22test\\x22\"",
            "app.test",
            format!("{process}@127.0.0.1"),
        ),
        ("\"GET /nowhere HTTP/1.1\" 404 ", "\"-\" \"-\"", "-", "-".into()),
        ("\"POST /lost HTTP/1.1\" 502 ", "\"-\" \"-\"", "app.test", format!("{process}@127.0.0.1")),
        ("\"GET /gone HTTP/1.1\" 499 ", "\"-\" \"-\"", "app.test", "-".into()),
        ("\"-\" 400 ", "\"-\" \"-\"", "-", "-".into()),
        ("\"GET / HTTP/2.0\" 200 13 ", "\"-\" \"-\"", "app.test", format!("{process}@127.0.0.1")),
        ("\"-\" 405 ", "\"-\" \"-\"", "-", "-".into()),
        ("\"GET /chat HTTP/1.1\" 101 5 ", "\"-\" \"-\"", "app.test", format!("{process}@127.0.0.1")),
    ]) {
        assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
        assert!(line.contains(&format!("+0000] {request}")), "{line}");
        assert!(line.contains(&format!("{rest} site={site} backend={backend} waited=")), "{line}");
    }
    assert_eq!(lines.len(), 8, "{log}");
    let errors = std::fs::read_to_string(folder.path("error.log")).unwrap();
    assert_eq!(errors.matches("headers with an underscore in their name are dropped").count(), 1, "{errors}");
    assert!(errors.contains("first seen in GET /a"), "{errors}");
    assert!(errors.contains("its tunnel was silent for too long (tunnel_timeout)"), "{errors}");
}
