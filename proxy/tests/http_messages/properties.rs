//! Promises about any input at all.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use swiftiply::http::forward::{self, Peer};
use swiftiply::http::{BodyDecoder, Framing, Head, HeadParser, HeaderRoom, Limits, Piece, chunk, last_chunk};
use swiftiply_wire::{Name, Scheme};

use super::feeding::{decode_in_steps, read_in_steps, summary};

const LIMITS: Limits = Limits {
    request_line_max: 60,
    head_bytes_max: 400,
    headers_max: 12,
    chunk_extension_bytes_max: 16,
    trailer_bytes_max: 80,
    trailers_max: 4,
    reply_head_bytes_max: 1000,
};

/// Pieces of messages, good and bad, in any order: far more of them get past the first check than of plain noise.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let fragments = select(vec![
        "GET / HTTP/1.1\r\n",
        "POST /a?b HTTP/1.1\r\n",
        "GET http://b/ HTTP/1.0\r\n",
        "Host: a\r\n",
        "Host: A.b.:80\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close, X-A\r\n",
        "X-A: b\r\n",
        "X_A: b\r\n",
        "Upgrade: x\r\n",
        "\r\n",
        "\r",
        "\n",
        " ",
        ":",
        "a",
        "0\r\n",
        "3\r\nabc\r\n",
        "5;e=f\r\nhello\r\n",
        "\0",
        "\u{e9}",
    ]);
    let fragment = prop_oneof![
        9 => fragments.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(fragment, 0..14).prop_map(|parts| parts.concat())
}

/// Places to cut a message of this length: in order, the end last.
fn cuts(places: &[Index], length: usize) -> Vec<usize> {
    let mut lengths: Vec<usize> = places.iter().map(|place| place.index(length + 1)).collect();
    lengths.sort_unstable();
    lengths.push(length);
    lengths
}

/// A message that is a proper request, mostly.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let target = prop_oneof!["/[a-z%2F]{0,3}(\\?[a-z=&]{0,5})?", "http://[a-z]{1,4}(:80)?/[a-z]{0,3}"];
    let name = prop_oneof![
        "[A-Za-z-]{1,12}",
        select(vec![
            "Connection",
            "X-Forwarded-For",
            "Forwarded",
            "TE",
            "Expect",
            "Upgrade",
            "Cookie",
            "Proxy"
        ])
        .prop_map(str::to_owned),
    ];
    let value = prop_oneof!["[ -~]{0,20}", "(close|upgrade|x-a|host|trailers|, ){1,4}"];
    let framing = select(vec!["", "Content-Length: 7\r\n", "Transfer-Encoding: chunked\r\n"]);
    (select(vec!["GET", "POST", "get"]), target, framing, vec((name, value), 0..8)).prop_map(
        |(method, target, framing, headers)| {
            let mut text = format!("{method} {target} HTTP/1.1\r\nHost: a.example:81\r\n{framing}");
            for (name, value) in headers {
                text += &format!("{name}: {value}\r\n");
            }
            (text + "\r\n").into_bytes()
        },
    )
}

/// The request as HTTP text again, as a backend that speaks HTTP would get it.
fn rewritten(head: &Head<'_>, peer: &Peer<'_>) -> Vec<u8> {
    let query = head.target.query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut out = format!("{} {}{query} HTTP/1.1\r\n", head.method, head.target.path).into_bytes();
    let mut put = |name: &[u8], value: &[u8]| out.extend([name, b": ", value, b"\r\n"].concat());
    forward::request(head, peer, |name, value| put(name.as_bytes(), value));
    if head.framing == Framing::Chunked {
        put(b"Transfer-Encoding", b"chunked");
    }
    if !head.keep_alive {
        put(b"Connection", b"close");
    }
    out.extend_from_slice(b"\r\n");
    out
}

proptest! {
    // About a third of the generated requests are refused; that must not end a long run.
    #![proptest_config(ProptestConfig { max_global_rejects: u32::MAX, ..ProptestConfig::default() })]

    #[test]
    fn a_head_reads_the_same_however_it_is_cut(message in message(), places in vec(any::<Index>(), 0..6)) {
        let whole = read_in_steps(&message, [message.len()], &LIMITS);
        prop_assert_eq!(&whole, &read_in_steps(&message, cuts(&places, message.len()), &LIMITS));
        prop_assert_eq!(&whole, &read_in_steps(&message, 1..=message.len(), &LIMITS));
    }

    #[test]
    fn noise_is_read_the_same_however_it_is_cut(
        noise in vec(any::<u8>(), 0..300),
        places in vec(any::<Index>(), 0..6),
    ) {
        let lengths = cuts(&places, noise.len());
        let whole = read_in_steps(&noise, [noise.len()], &LIMITS);
        prop_assert_eq!(whole, read_in_steps(&noise, lengths.clone(), &LIMITS));
        let whole = decode_in_steps(&noise, [noise.len()], &LIMITS);
        prop_assert_eq!(whole, decode_in_steps(&noise, lengths, &LIMITS));
    }

    #[test]
    fn a_chunked_body_decodes_the_same_however_it_is_cut(
        message in message(),
        places in vec(any::<Index>(), 0..6),
    ) {
        let whole = decode_in_steps(&message, [message.len()], &LIMITS);
        prop_assert_eq!(&whole, &decode_in_steps(&message, cuts(&places, message.len()), &LIMITS));
        prop_assert_eq!(&whole, &decode_in_steps(&message, 1..=message.len(), &LIMITS));
    }

    #[test]
    fn chunks_that_we_write_decode_to_what_went_in(
        pieces in vec(vec(any::<u8>(), 0..50), 0..6),
        places in vec(any::<Index>(), 0..6),
    ) {
        let mut written = Vec::new();
        pieces.iter().for_each(|piece| chunk(&mut written, piece));
        last_chunk(&mut written, [(Name::new(b"X-Sum"), &b"1"[..])].into_iter());
        written.extend_from_slice(b"next");
        let decoded = decode_in_steps(&written, cuts(&places, written.len()), &Limits::default()).unwrap();
        prop_assert_eq!(decoded.body, pieces.concat());
        prop_assert_eq!(decoded.trailers, ["X-Sum: 1"]);
        prop_assert_eq!(decoded.left, b"next");
    }

    #[test]
    fn a_body_by_length_is_its_bytes(body in vec(any::<u8>(), 0..100), places in vec(any::<Index>(), 0..6)) {
        let mut decoder = BodyDecoder::new(Framing::Length(body.len() as u64));
        let input = [&body[..], b"next"].concat();
        let (mut decoded, mut used) = (Vec::new(), 0);
        for length in cuts(&places, input.len()) {
            while let (more, Piece::Data(data)) = decoder.decode(&input[used..length.max(used)], &LIMITS).unwrap() {
                used += more;
                decoded.extend_from_slice(data);
            }
        }
        prop_assert!(decoder.is_done());
        prop_assert_eq!((&decoded, &input[used..]), (&body, &b"next"[..]));
    }

    #[test]
    fn what_we_forward_reads_as_the_same_message(request in request(), trusted in any::<bool>()) {
        let limits = Limits::default();
        let peer = Peer { address: "192.0.2.1", scheme: Scheme::Http, trusted };
        let mut room = HeaderRoom::new();
        let parsed = HeadParser::default().parse(&request, &limits, &mut room);
        prop_assume!(parsed.is_ok()); // Some are refused, as they must be; those that count are not.
        let (_, head) = parsed.unwrap().expect("a whole head");
        let once = rewritten(&head, &peer);
        let mut room = HeaderRoom::new();
        let again = HeadParser::default().parse(&once, &limits, &mut room);
        let (used, again) = again.expect("what we forward is accepted").expect("and whole");
        prop_assert_eq!(used, once.len());
        prop_assert_eq!(summary(&head, b""), summary(&again, b""));

        // A second proxy behind us that trusts us would lose and change nothing of it, but for adding our address.
        let us = Peer { address: "", scheme: Scheme::Http, trusted: true };
        let lines = |head: &Head<'_>, peer: &Peer<'_>| {
            let mut lines = Vec::new();
            forward::request(head, peer, |name, value| lines.push([name.as_bytes(), b": ", value].concat()));
            lines.sort();
            lines
        };
        prop_assert_eq!(lines(&head, &peer), lines(&again, &us));
    }
}
