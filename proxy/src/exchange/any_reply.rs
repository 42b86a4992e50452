//! Whatever a backend says about one request, its client sees at most one reply, and never a cut one that looks whole.
//! For the tests of this crate, and for fuzz targets.

use std::time::SystemTime;

use swiftiply_wire::limits::FRAME_PAYLOAD_MAX;
use swiftiply_wire::{Frame, ToProxy, Version};

use super::{Exchange, Loss, Rules};
use crate::http::{BodyDecoder, DateLine, Framing, Limits, Piece};
use crate::link::Breach;

/// Checks it for these bytes, as frames that are all about this one request, and for several kinds of request.
pub fn check(frames: &[u8]) {
    let usual = Rules {
        keep_alive: true,
        te_trailers: true,
        upgrade: true,
        head_bytes_max: 4096,
        ..Rules::default()
    };
    for rules in [
        usual,
        Rules { head_only: true, ..usual },
        Rules { version: Version::Http10, upgrade: false, ..usual },
        Rules { expects_continue: true, te_trailers: false, keep_alive: false, ..usual },
    ] {
        let exchange = Exchange::default();
        exchange.begin(rules, 0, 0);
        tell_all(&exchange, frames);
        let mut out = Vec::new();
        exchange.take_out(&mut out);
        let is_tunnel = exchange.is_tunnel();
        // The last that can happen to it, unless it is over.
        exchange.link_lost(Loss::Died);
        let is_whole = exchange.take_failure().is_none();
        client_sees(&out, rules, is_whole, is_tunnel || exchange.summary().status == 101);
    }
}

/// As the link tells it: up to the closing frame, or to what breaks the protocol.
fn tell_all(exchange: &Exchange, frames: &[u8]) {
    let mut rest = frames;
    while let Ok(Some((used, frame))) = Frame::parse(rest, FRAME_PAYLOAD_MAX) {
        rest = &rest[used..];
        let Ok(message) = ToProxy::read(frame) else { return exchange.breached() };
        if tell(exchange, &message).is_err() {
            return exchange.breached();
        }
        if message.closes().is_some() {
            return;
        }
    }
}

fn tell(exchange: &Exchange, message: &ToProxy<'_>) -> Result<(), Breach> {
    match message {
        ToProxy::Inform { head, .. } => exchange.informed(head)?,
        ToProxy::Reply { head, end, .. } => {
            exchange.replied(head, *end, &DateLine::new(SystemTime::UNIX_EPOCH))?;
        }
        ToProxy::Data { data, end, .. } => exchange.data(data, *end)?,
        ToProxy::Trailers { headers, .. } => exchange.trailers(*headers)?,
        ToProxy::Reset { code, reason, .. } => exchange.reset(*code, reason),
        ToProxy::Started(_) => exchange.started(),
        ToProxy::Window { credit, .. } => exchange.credited(*credit),
        _ => {}
    }
    Ok(())
}

/// Reads what the client got as a client does, with another parser than ours.
fn client_sees(out: &[u8], rules: Rules, is_whole: bool, is_tunnel: bool) {
    let mut rest = out;
    while !rest.is_empty() {
        let mut room = [httparse::EMPTY_HEADER; 300];
        let mut head = httparse::Response::new(&mut room);
        let used = head.parse(rest).expect("heads are sound").unwrap();
        rest = &rest[used..];
        match head.code.expect("a status") {
            101 => return assert!(rules.upgrade && is_tunnel),
            100 => assert!(rules.expects_continue),
            102..=199 => assert_eq!(rules.version, Version::Http11),
            status => {
                return body_follows(&head, rest, rules.head_only || matches!(status, 204 | 304), is_whole);
            }
        }
    }
    assert!(!is_whole, "a reply that is whole has a head");
}

fn body_follows(head: &httparse::Response<'_, '_>, rest: &[u8], has_none: bool, is_whole: bool) {
    let value = |name: &str| head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let (length, coding) = (value("Content-Length"), value("Transfer-Encoding"));
    assert!(length.is_none() || coding.is_none(), "two framings");
    if has_none {
        return assert_eq!(rest, b"");
    }
    if let Some(length) = length {
        let length: u64 = std::str::from_utf8(length.value).unwrap().parse().unwrap();
        assert!(rest.len() as u64 <= length, "more than announced");
        assert!(is_whole == (rest.len() as u64 == length) || length == rest.len() as u64);
    } else if coding.is_some() {
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let mut used = 0;
        let limits = Limits { trailer_bytes_max: 1 << 20, trailers_max: 64, ..Limits::default() };
        while let (more, Piece::Data(_)) = decoder.decode(&rest[used..], &limits).expect("chunks are sound") {
            used += more;
        }
        assert_eq!(decoder.is_done(), is_whole, "a cut reply does not look whole");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_sees_one_reply_whatever_the_corpus_makes_a_backend_say() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/frames_to_proxy");
        for entry in std::fs::read_dir(corpus).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            check(&std::fs::read(path).unwrap());
        }
    }
}
