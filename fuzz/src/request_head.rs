//! A request's head: read the same however it is cut, and what goes on of it is the same message again, on the link and
//! as HTTP.

use swiftiply::http::forward::{self, Peer};
use swiftiply::http::{Framing, Head, HeadParser, HeaderRoom, Limits, Refusal};
use swiftiply_wire::limits::{HEAD_BYTES_MAX, HEADERS_MAX};
use swiftiply_wire::{Body, Name, RequestFields, RequestHead, Scheme};

use crate::pieces::{self, NARROW};

const STRANGER: Peer<'static> = Peer { address: "192.0.2.1", scheme: Scheme::Http, trusted: false };
const PROXY_OF_OURS: Peer<'static> = Peer { address: "192.0.2.2", scheme: Scheme::Https, trusted: true };

/// Any bytes, as a client sends them.
pub fn check(input: &[u8]) {
    for limits in [Limits::default(), NARROW] {
        reads_the_same_in_pieces(input, &limits);
    }
    let limits = Limits::default();
    let mut room = HeaderRoom::new();
    let Ok(Some((used, head))) = HeadParser::default().parse(input, &limits, &mut room) else { return };
    assert!(used <= limits.head_bytes_max + 4, "a head of {used} bytes was taken");
    for peer in [STRANGER, PROXY_OF_OURS] {
        goes_on_as_the_same_message(&head, &peer);
    }
}

fn reads_the_same_in_pieces(input: &[u8], limits: &Limits) {
    let mut ways = pieces::ways(input).into_iter().map(|lengths| read(input, &lengths, limits));
    let whole = ways.next().expect("it is read at once");
    ways.for_each(|pieces| assert_eq!(pieces, whole, "{}", input.escape_ascii()));
}

fn read(input: &[u8], lengths: &[usize], limits: &Limits) -> Result<Option<(usize, String)>, Refusal> {
    let mut parser = HeadParser::default();
    for &length in lengths {
        let mut room = HeaderRoom::new();
        if let Some((used, head)) = parser.parse(&input[..length], limits, &mut room)? {
            return Ok(Some((used, summary(&head))));
        }
    }
    Ok(None)
}

/// Everything that was understood.
fn summary(head: &Head<'_>) -> String {
    let Head { method, target, version, authority, framing, keep_alive, .. } = head;
    let (path, query) = (target.path, target.query);
    let upgrade = head.upgrade.map(|protocol| protocol.escape_ascii().to_string());
    let flags = (keep_alive, head.expect_continue, head.te_trailers, head.underscored > 0);
    format!("{method} {path} {query:?} {version:?} {authority:?} {framing:?} {upgrade:?} {flags:?}")
}

fn goes_on_as_the_same_message(head: &Head<'_>, peer: &Peer<'_>) {
    let mut on_the_link = Vec::new();
    RequestHead::write(&mut on_the_link, &fields(head), |headers| {
        forward::request(head, peer, |name, value| headers.push_name(name, value));
    });
    assert!(on_the_link.len() <= HEAD_BYTES_MAX + 4096, "{} bytes", on_the_link.len());
    let carried = RequestHead::read(&on_the_link[..]).expect("what we write on a link can be read");
    assert!(carried.headers().len() <= HEADERS_MAX);
    carried.headers().iter().for_each(|(name, value)| may_go_on(name, value, peer));

    let text = as_http(&carried, head);
    let limits =
        Limits { request_line_max: 1 << 20, head_bytes_max: 1 << 20, headers_max: 240, ..Limits::default() };
    let mut room = HeaderRoom::new();
    let again = HeadParser::default().parse(&text, &limits, &mut room);
    let (used, again) = match again {
        Ok(Some(again)) => again,
        // Ours are more than there is room for.
        Err(Refusal::TooManyHeaders) => return,
        other => panic!("{other:?} of {}", text.escape_ascii()),
    };
    assert_eq!(used, text.len(), "something stands behind {}", text.escape_ascii());
    let dropped = |summary: String| summary.replace("true)", "false)");
    assert_eq!(dropped(summary(&again)), dropped(summary(head)), "{}", text.escape_ascii());
    assert_eq!(again.underscored, 0);
}

fn fields<'h>(head: &'h Head<'_>) -> RequestFields<'h> {
    RequestFields {
        method: head.method.as_bytes(),
        scheme: Scheme::Http,
        version: head.version,
        authority: head.authority.as_ref().map_or(b"", |authority| authority.text.as_bytes()),
        path: head.target.path.as_bytes(),
        query: head.target.query.map(str::as_bytes),
        peer: None,
        local: None,
        body: Body::from(head.framing),
    }
}

/// What no app may see, whoever sent it.
fn may_go_on(name: Name<'_>, value: &[u8], peer: &Peer<'_>) {
    let lower = name.as_bytes().to_ascii_lowercase();
    let shown = name.as_bytes().escape_ascii();
    assert!(!lower.contains(&b'_'), "{shown}");
    assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{shown}");
    let is_for_one_hop =
        [&b"keep-alive"[..], b"proxy-connection", b"transfer-encoding", b"proxy-authorization", b"proxy"];
    assert!(!is_for_one_hop.contains(&&lower[..]), "{shown}");
    let is_about_the_client =
        lower.starts_with(b"x-forwarded-") || [&b"forwarded"[..], b"x-real-ip"].contains(&&lower[..]);
    if is_about_the_client && !peer.trusted {
        let ours = [&b"x-forwarded-for"[..], b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port"];
        assert!(ours.contains(&&lower[..]), "{shown}");
    }
    if lower == b"x-forwarded-for" {
        assert!(
            value.ends_with(peer.address.as_bytes()) && (peer.trusted || value == peer.address.as_bytes())
        );
    }
}

/// The head as a backend that speaks HTTP would be given it.
fn as_http(carried: &RequestHead<&[u8]>, head: &Head<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    put(&[carried.method().as_bytes(), b" ", carried.path()]);
    if let Some(query) = carried.query() {
        put(&[b"?", query]);
    }
    put(&[b" ", carried.version().as_str().as_bytes(), b"\r\n"]);
    carried.headers().iter().for_each(|(name, value)| put(&[name.as_bytes(), b": ", value, b"\r\n"]));
    if head.framing == Framing::Chunked {
        put(&[b"Transfer-Encoding: chunked\r\n"]);
    }
    match (head.keep_alive, carried.version().as_str()) {
        (false, _) => put(&[b"Connection: close\r\n"]),
        (true, "HTTP/1.0") => put(&[b"Connection: keep-alive\r\n"]),
        _ => {}
    }
    put(&[b"\r\n"]);
    out
}
