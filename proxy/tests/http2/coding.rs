//! Heads as blocks of HPACK, and bodies by their length: each case says what the client sends, and how far the error goes.

use crate::cases::Outcome::{Closed, Reset};
use crate::cases::{BROADER, play};
use crate::frames::*;

#[test]
fn a_head_is_one_block_of_frames_with_nothing_between() {
    play(&[
        (
            "another stream's HEADERS within",
            |peer| {
                peer.send(HEADERS, END_STREAM, 1, &block(&fields_of("GET")));
                peer.get(3);
            },
            Closed(&[PROTOCOL_ERROR]),
        ),
        (
            "a PING within",
            |peer| {
                peer.send(HEADERS, END_STREAM, 1, &block(&fields_of("GET")));
                peer.send(PING, 0, 0, &[0; 8]);
            },
            Closed(&[PROTOCOL_ERROR]),
        ),
        (
            "DATA within",
            |peer| {
                peer.send(HEADERS, 0, 1, &block(&fields_of("POST")));
                peer.send(DATA, END_STREAM, 1, b"x");
            },
            Closed(&[PROTOCOL_ERROR]),
        ),
        (
            "a CONTINUATION of another stream",
            |peer| {
                peer.send(HEADERS, END_STREAM, 1, &block(&fields_of("GET")));
                peer.send(CONTINUATION, END_HEADERS, 3, &[]);
            },
            Closed(&[PROTOCOL_ERROR]),
        ),
        (
            "a CONTINUATION behind the end",
            |peer| {
                peer.request(1, &[(":method", "GET")]);
                peer.send(CONTINUATION, END_HEADERS, 1, &[]);
            },
            Closed(&[PROTOCOL_ERROR]),
        ),
        (
            "an unknown frame within",
            |peer| {
                peer.send(HEADERS, END_STREAM, 1, &block(&fields_of("GET")));
                peer.send(0x5a, 0, 1, &[]);
            },
            Closed(&[PROTOCOL_ERROR]),
        ),
    ]);
}

#[test]
fn hpack_is_decoded_to_the_letter() {
    play(&[
        (
            "an index of nought",
            |peer| peer.send(HEADERS, END_HEADERS | END_STREAM, 1, &[0x80]),
            Closed(&[COMPRESSION_ERROR, BROADER]),
        ),
        (
            "an index beyond both tables",
            |peer| peer.send(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff, 0x20]),
            Closed(&[COMPRESSION_ERROR, BROADER]),
        ),
        (
            "an index that never ends",
            |peer| {
                peer.send(
                    HEADERS,
                    END_HEADERS | END_STREAM,
                    1,
                    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
                )
            },
            Closed(&[COMPRESSION_ERROR, BROADER]),
        ),
        (
            "a name's index beyond both tables",
            |peer| peer.send(HEADERS, END_HEADERS | END_STREAM, 1, &[0x7f, 0x20, 0x01, b'x']),
            Closed(&[COMPRESSION_ERROR, BROADER]),
        ),
        (
            "a text that is longer than its block",
            |peer| peer.send(HEADERS, END_HEADERS | END_STREAM, 1, &[0x82, 0x00, 0x7e, b'x']),
            Closed(&[COMPRESSION_ERROR, BROADER]),
        ),
        (
            "padding of Huffman that is not ones",
            |peer| peer.send(HEADERS, END_HEADERS | END_STREAM, 1, &[0x82, 0x00, 0x81, 0x18, 0x01, b'x']),
            Closed(&[COMPRESSION_ERROR, BROADER]),
        ),
        (
            "the end of Huffman's alphabet within a text",
            |peer| {
                peer.send(
                    HEADERS,
                    END_HEADERS | END_STREAM,
                    1,
                    &[0x82, 0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, b'x'],
                )
            },
            Closed(&[COMPRESSION_ERROR, BROADER]),
        ),
        (
            "a table larger than was agreed",
            |peer| peer.send(HEADERS, END_HEADERS | END_STREAM, 1, &[0x3f, 0xe2, 0x1f, 0x82]),
            Closed(&[COMPRESSION_ERROR, BROADER]),
        ),
        (
            "a table's size behind a field",
            |peer| peer.send(HEADERS, END_HEADERS | END_STREAM, 1, &[0x82, 0x20, 0x86, 0x84]),
            Closed(&[COMPRESSION_ERROR, BROADER]),
        ),
    ]);
}

#[test]
fn a_length_holds_for_the_data_that_comes() {
    play(&[
        (
            "less than announced",
            |peer| {
                peer.post(1, &[("content-length", "5")]);
                peer.send(DATA, END_STREAM, 1, b"four");
            },
            Reset(1, &[PROTOCOL_ERROR]),
        ),
        (
            "more than announced",
            |peer| {
                peer.post(1, &[("content-length", "3")]);
                peer.send(DATA, END_STREAM, 1, b"four");
            },
            Reset(1, &[PROTOCOL_ERROR]),
        ),
        (
            "nothing, although announced",
            |peer| {
                let fields = [&fields_of("POST")[..], &[("content-length", "3")]].concat();
                peer.request(1, &fields);
            },
            Reset(1, &[PROTOCOL_ERROR]),
        ),
        (
            "trailers before all has come",
            |peer| {
                peer.post(1, &[("content-length", "3")]);
                peer.send(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[("x-sum", "1")]));
            },
            Reset(1, &[PROTOCOL_ERROR]),
        ),
    ]);
}
