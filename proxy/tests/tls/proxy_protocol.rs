//! Clients for whom a proxy in front speaks first (PROXY protocol).

use swiftiply::config::Config;
use swiftiply_wire::Scheme;

use crate::Served;
use crate::support::{Client, End, quick};

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb";
const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn spoken(config: &mut Config) {
    config.proxy_protocol = config.listen.clone();
    config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
}

#[test]
fn the_client_that_the_proxy_names_is_the_one_that_the_app_sees() {
    let proxy = quick(spoken);
    let mut backend = proxy.backend();
    for (header, peer, local) in [
        (&b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"[..], "192.0.2.1:56324", "198.51.100.2:443"),
        (b"PROXY TCP6 2001:db8::1 ::1 80 8080\r\n", "[2001:db8::1]:80", "[::1]:8080"),
        (V2, "192.0.2.1:56324", "198.51.100.2:443"),
    ] {
        // All at once, and byte by byte.
        for piece_bytes in [header.len() + 100, 1] {
            let mut client = proxy.client();
            let said =
                [header, b"GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 10.9.9.9\r\n\r\n"].concat();
            for piece in said.chunks(piece_bytes) {
                client.send(piece);
            }
            let request = backend.request();
            assert_eq!(request.head.peer().map(|peer| peer.to_string()).as_deref(), Some(peer));
            assert_eq!(request.head.local().map(|local| local.to_string()).as_deref(), Some(local));
            // The proxy in front is trusted; whoever speaks through it is not.
            let address = peer.rsplit_once(':').unwrap().0.trim_matches(['[', ']']);
            assert_eq!(request.header("X-Forwarded-For").as_deref(), Some(address));
            request.reply(200, "hello");
            assert_eq!(client.reply().text(), "hello");
        }
    }
}

#[test]
fn a_proxy_that_speaks_for_itself_is_served_under_its_own_address() {
    let proxy = quick(spoken);
    let mut backend = proxy.backend();
    for header in [&b"PROXY UNKNOWN\r\n"[..], V2_LOCAL] {
        let mut client = proxy.client();
        let own = client.stream.local_addr().unwrap();
        client.send(header);
        client.get("/");
        let request = backend.request();
        assert_eq!(request.head.peer(), Some(own));
        request.reply(200, "hello");
        client.reply();
    }
}

#[test]
fn without_a_sound_header_nothing_is_served() {
    let proxy = quick(spoken);
    let mut backend = proxy.backend();
    for said in [
        &b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"[..],
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\nGET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        &[0; 600],
    ] {
        let mut client = proxy.client();
        client.send(said);
        let end = client.end();
        assert!(matches!(end, End::Closed | End::Reset), "{end:?}");
    }
    backend.has_no_request();
}

#[test]
fn who_is_not_trusted_cannot_name_a_client() {
    let proxy = quick(|config| {
        spoken(config);
        config.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
    });
    let mut client = proxy.client();
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_header_that_does_not_come_is_not_waited_for() {
    let proxy = quick(|config| {
        spoken(config);
        config.limits.handshake_timeout = std::time::Duration::from_millis(100);
    });
    for said in [&b""[..], b"PROXY TCP4 192."] {
        let mut client = proxy.client();
        client.send(said);
        let end = client.end();
        assert!(matches!(end, End::Closed | End::Reset), "{end:?}");
    }
}

#[test]
fn tls_begins_behind_the_header() {
    let served = Served::start_with(spoken);
    let mut backend = served.proxy.backend();
    for header in [&b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"[..], V2] {
        let mut client = Client::connect(served.proxy.clients);
        client.send(header);
        let mut client = served.dial().shake_hands(client).unwrap();
        client.get("/");
        let request = backend.request();
        assert_eq!(request.head.scheme(), Scheme::Https);
        assert_eq!(request.header("X-Forwarded-For").as_deref(), Some("192.0.2.1"));
        request.reply(200, "hello");
        assert_eq!(client.reply().text(), "hello");
    }
}
