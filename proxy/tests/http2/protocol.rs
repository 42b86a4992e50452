//! What a server owes to a client that breaks RFC 9113 or RFC 7541, and to one that only stretches them. Each case says
//! what the client sends, and how far the error goes: to its stream, to its connection, or nowhere.

use crate::cases::Outcome::{Alive, Closed, Reset};
use crate::cases::{BROADER, play};
use crate::frames::*;
use crate::support::quick;

/// What a client does, by its name.
type Play = (&'static str, fn(&mut Peer));

#[test]
fn the_connection_begins_with_a_preface_and_settings() {
    let proxy = quick(|_| {});
    for (name, bytes) in [
        ("a preface that goes wrong behind its first line", &b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"[..]),
        ("a frame before SETTINGS", &[PREFACE, &frame(PING, 0, 0, b"12345678")].concat()),
    ] {
        let mut peer = Peer::silent(proxy.clients);
        peer.bytes(bytes);
        peer.finish_sending();
        assert!(peer.was_closed().is_none_or(|code| code != ENHANCE_YOUR_CALM), "{name}");
    }
    // In one piece or byte by byte, the same.
    let mut peer = Peer::silent(proxy.clients);
    for byte in [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat() {
        peer.bytes(&[byte]);
    }
    peer.is_alive();
}

#[test]
fn frames_have_the_size_that_their_type_says() {
    play(&[
        (
            "larger than SETTINGS_MAX_FRAME_SIZE",
            |peer| peer.send(DATA, 0, 1, &[0; 16_385]),
            Closed(&[FRAME_SIZE_ERROR, BROADER]),
        ),
        (
            "a PING of seven bytes",
            |peer| peer.send(PING, 0, 0, &[0; 7]),
            Closed(&[FRAME_SIZE_ERROR, BROADER]),
        ),
        (
            "a WINDOW_UPDATE of three bytes",
            |peer| peer.send(WINDOW_UPDATE, 0, 0, &[0; 3]),
            Closed(&[FRAME_SIZE_ERROR, BROADER]),
        ),
        (
            "SETTINGS of five bytes",
            |peer| peer.send(SETTINGS, 0, 0, &[0; 5]),
            Closed(&[FRAME_SIZE_ERROR, BROADER]),
        ),
        (
            "an acknowledgement that says something",
            |peer| peer.send(SETTINGS, ACK, 0, &[0; 6]),
            Closed(&[FRAME_SIZE_ERROR, BROADER]),
        ),
        (
            "a PRIORITY of four bytes",
            |peer| peer.send(PRIORITY, 0, 1, &[0; 4]),
            Reset(1, &[FRAME_SIZE_ERROR, BROADER]),
        ),
        (
            "a RST_STREAM of three bytes",
            |peer| {
                peer.post(1, &[]);
                peer.send(RST_STREAM, 0, 1, &[0; 3])
            },
            Closed(&[FRAME_SIZE_ERROR, BROADER]),
        ),
        (
            "a GOAWAY of seven bytes",
            |peer| peer.send(GOAWAY, 0, 0, &[0; 7]),
            Closed(&[FRAME_SIZE_ERROR, BROADER]),
        ),
        (
            "HEADERS with a priority of four bytes",
            |peer| peer.send(HEADERS, END_HEADERS | END_STREAM | WITH_PRIORITY, 1, &[0; 4]),
            Closed(&[FRAME_SIZE_ERROR, BROADER]),
        ),
    ]);
}

#[test]
fn frames_speak_of_a_stream_or_of_the_connection() {
    play(&[
        ("DATA on stream 0", |peer| peer.send(DATA, 0, 0, b"x"), Closed(&[PROTOCOL_ERROR])),
        ("HEADERS on stream 0", |peer| peer.get(0), Closed(&[PROTOCOL_ERROR])),
        ("PRIORITY on stream 0", |peer| peer.send(PRIORITY, 0, 0, &[0; 5]), Closed(&[PROTOCOL_ERROR])),
        ("RST_STREAM on stream 0", |peer| peer.reset(0), Closed(&[PROTOCOL_ERROR])),
        (
            "CONTINUATION on stream 0",
            |peer| peer.send(CONTINUATION, END_HEADERS, 0, &[]),
            Closed(&[PROTOCOL_ERROR]),
        ),
        ("SETTINGS on a stream", |peer| peer.send(SETTINGS, 0, 1, &[]), Closed(&[PROTOCOL_ERROR])),
        ("PING on a stream", |peer| peer.send(PING, 0, 1, &[0; 8]), Closed(&[PROTOCOL_ERROR])),
        ("GOAWAY on a stream", |peer| peer.send(GOAWAY, 0, 1, &[0; 8]), Closed(&[PROTOCOL_ERROR])),
        (
            "PUSH_PROMISE from a client",
            |peer| peer.send(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]),
            Closed(&[PROTOCOL_ERROR]),
        ),
        ("a type that nobody knows", |peer| peer.send(0x5a, 0xff, 7, b"whatever"), Alive),
        ("flags that nobody knows", |peer| peer.send(PING, 0xfe, 0, &[0; 8]), Alive),
        (
            "a reserved bit in a stream's number",
            |peer| peer.send(PRIORITY, 0, 0x8000_0001, &[0, 0, 0, 0, 1]),
            Alive,
        ),
    ]);
}

#[test]
fn streams_open_in_order_and_stay_closed() {
    play(&[
        ("an even number", |peer| peer.get(2), Closed(&[PROTOCOL_ERROR])),
        ("DATA before HEADERS", |peer| peer.send(DATA, 0, 1, b"x"), Closed(&[PROTOCOL_ERROR])),
        ("RST_STREAM before HEADERS", |peer| peer.reset(1), Closed(&[PROTOCOL_ERROR])),
        ("WINDOW_UPDATE before HEADERS", |peer| peer.window(1, 100), Closed(&[PROTOCOL_ERROR])),
        (
            "CONTINUATION before HEADERS",
            |peer| peer.send(CONTINUATION, END_HEADERS, 1, &[]),
            Closed(&[PROTOCOL_ERROR]),
        ),
        ("PRIORITY before HEADERS", |peer| peer.send(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]), Alive),
        (
            "a stream that depends on itself",
            |peer| peer.send(PRIORITY, 0, 1, &[0, 0, 0, 1, 1]),
            Reset(1, &[PROTOCOL_ERROR]),
        ),
        (
            "a head that depends on itself",
            |peer| {
                let payload = [&[0, 0, 0, 1, 1][..], &block(&fields_of("GET"))].concat();
                peer.send(HEADERS, END_HEADERS | END_STREAM | WITH_PRIORITY, 1, &payload);
            },
            Reset(1, &[PROTOCOL_ERROR]),
        ),
    ]);
}

#[test]
fn what_comes_on_a_stream_that_has_ended_is_an_error() {
    // The requests themselves are right, so they may reach the backend, which never answers.
    let cases: &[Play] = &[
        ("a lower number than before", |peer| {
            peer.get(5);
            peer.get(3)
        }),
        ("the same number again", |peer| {
            peer.get(1);
            peer.get(1)
        }),
        ("DATA behind END_STREAM", |peer| {
            peer.get(1);
            peer.send(DATA, 0, 1, b"x")
        }),
        ("HEADERS behind RST_STREAM", |peer| {
            peer.post(1, &[]);
            peer.reset(1);
            peer.get(1)
        }),
        ("trailers that do not end the stream", |peer| {
            peer.post(1, &[]);
            peer.send(HEADERS, END_HEADERS, 1, &block(&[("x-late", "1")]));
        }),
    ];
    let proxy = quick(|_| {});
    for (name, act) in cases {
        let mut peer = Peer::connect(proxy.clients);
        act(&mut peer);
        let answer = peer.wait(name, |frame| {
            frame.kind == RST_STREAM || (frame.kind == GOAWAY && frame.code() != NO_ERROR)
        });
        assert!([PROTOCOL_ERROR, STREAM_CLOSED].contains(&answer.code()), "{name}: {answer:?}");
    }
}

#[test]
fn what_is_late_on_a_stream_that_was_reset_is_passed_over() {
    let proxy = quick(|_| {});
    let mut peer = Peer::connect(proxy.clients);
    peer.post(1, &[]);
    peer.reset(1);
    peer.reset(1);
    peer.window(1, 1000);
    peer.send(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]);
    peer.is_alive();
}

#[test]
fn padding_is_no_longer_than_its_frame() {
    play(&[
        (
            "DATA that is all padding and more",
            |peer| {
                peer.post(1, &[]);
                peer.send(DATA, PADDED, 1, &[5, 1, 2, 3, 4])
            },
            Closed(&[PROTOCOL_ERROR]),
        ),
        (
            "padded DATA without a length",
            |peer| {
                peer.post(1, &[]);
                peer.send(DATA, PADDED, 1, &[])
            },
            Closed(&[PROTOCOL_ERROR, FRAME_SIZE_ERROR]),
        ),
        (
            "HEADERS that are all padding and more",
            |peer| peer.send(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, &[9, 0x82]),
            Closed(&[PROTOCOL_ERROR]),
        ),
        (
            "padded HEADERS without a length",
            |peer| peer.send(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, &[]),
            Closed(&[PROTOCOL_ERROR, FRAME_SIZE_ERROR]),
        ),
    ]);
}

#[test]
fn settings_have_values_that_make_sense() {
    play(&[
        ("ENABLE_PUSH of 2", |peer| peer.settings(&[(2, 2)]), Closed(&[PROTOCOL_ERROR])),
        (
            "INITIAL_WINDOW_SIZE beyond 31 bits",
            |peer| peer.settings(&[(4, 0x8000_0000)]),
            Closed(&[FLOW_CONTROL_ERROR, BROADER]),
        ),
        ("MAX_FRAME_SIZE below 16384", |peer| peer.settings(&[(5, 16_383)]), Closed(&[PROTOCOL_ERROR])),
        (
            "MAX_FRAME_SIZE beyond 24 bits",
            |peer| peer.settings(&[(5, 0x100_0000)]),
            Closed(&[PROTOCOL_ERROR]),
        ),
        ("ENABLE_CONNECT_PROTOCOL of 2", |peer| peer.settings(&[(8, 2)]), Closed(&[PROTOCOL_ERROR])),
        ("a setting that nobody knows", |peer| peer.settings(&[(0xfafa, 7)]), Alive),
        ("the same setting twice", |peer| peer.settings(&[(4, 100), (4, 65_535)]), Alive),
    ]);
}

#[test]
fn windows_neither_overflow_nor_stand_still() {
    play(&[
        ("a WINDOW_UPDATE of nought for the connection", |peer| peer.window(0, 0), Closed(&[PROTOCOL_ERROR])),
        (
            "a WINDOW_UPDATE of nought for a stream",
            |peer| {
                peer.post(1, &[]);
                peer.window(1, 0)
            },
            Reset(1, &[PROTOCOL_ERROR]),
        ),
        (
            "a window of the connection beyond 31 bits",
            |peer| peer.window(0, 0x7fff_ffff),
            Closed(&[FLOW_CONTROL_ERROR]),
        ),
        (
            "a window of a stream beyond 31 bits",
            |peer| {
                peer.post(1, &[]);
                peer.window(1, 0x7fff_ffff)
            },
            Reset(1, &[FLOW_CONTROL_ERROR]),
        ),
        (
            "windows that settings push beyond 31 bits",
            |peer| {
                peer.post(1, &[]);
                peer.window(1, 0x7fff_0000);
                peer.settings(&[(4, 0x7fff_ffff)]);
            },
            Closed(&[FLOW_CONTROL_ERROR]),
        ),
    ]);
}

#[test]
fn a_client_keeps_to_the_windows_that_it_was_given() {
    // The request itself is right, so it may reach the backend, which takes none of it.
    let proxy = quick(|_| {});
    let mut peer = Peer::connect(proxy.clients);
    peer.post(1, &[("content-length", "1000000")]);
    (0..6).for_each(|_| peer.send(DATA, 0, 1, &[b'x'; 16_384]));
    assert_eq!(peer.was_reset(1), FLOW_CONTROL_ERROR);
}
