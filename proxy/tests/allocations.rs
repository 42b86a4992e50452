//! Once it has served a few requests, the proxy allocates nothing for the next one: neither itself nor its runtime.
//!
//! A file of its own, because a process has one allocator.

#[path = "support/mod.rs"]
mod support;

use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use support::{Socket, TestProxy, one_site};
use swiftiply_wire::limits::FRAME_PAYLOAD_MAX;
use swiftiply_wire::{Body, Frame, LinkIndex, ReplyFields, ToProxy, put_reply};

/// Counts for all threads of this process: the proxy's, and this one, which is client and backend and allocates nothing
/// either.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REQUESTS: usize = 1000;

#[test]
fn a_request_on_a_kept_connection_allocates_nothing() {
    for (head, body) in [
        ("GET /path?query HTTP/1.1\r\nHost: app.test\r\nUser-Agent: test\r\nX-Own: 1\r\n\r\n", ""),
        ("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\n", "hello"),
    ] {
        assert_eq!(allocations(head, body), 0, "{head}");
    }
}

/// How many allocations there are while so many requests are served, one after the other.
fn allocations(head: &str, body: &str) -> usize {
    let proxy = TestProxy::start(&one_site());
    let mut link = proxy.dial().link(LinkIndex::First).expect("a backend is let in").socket;
    let mut client = TcpStream::connect(proxy.clients).expect("the proxy listens");
    client.set_nodelay(true).expect("an option of a socket");
    let (mut read, mut frames, mut reply) = ([0; 4096], Vec::with_capacity(4096), Vec::with_capacity(4096));
    let mut serve = |times: usize| {
        for _ in 0..times {
            client.write_all(head.as_bytes()).expect("the proxy reads");
            client.write_all(body.as_bytes()).expect("the proxy reads");
            answer(&mut link, &mut frames, &mut reply);
            let n = client.read(&mut read).expect("the proxy replies");
            assert!(read[..n].starts_with(b"HTTP/1.1 200 OK\r\n") && read[..n].ends_with(b"\r\n\r\nhello"));
        }
    };
    serve(REQUESTS);
    let region = Region::new(ALLOCATOR);
    serve(REQUESTS);
    let change = region.change();
    change.allocations + change.reallocations
}

/// Reads one request, its body included, and replies.
fn answer(link: &mut Socket, frames: &mut Vec<u8>, reply: &mut Vec<u8>) {
    const END: u8 = 0x01;
    let stream = loop {
        match Frame::parse(frames, FRAME_PAYLOAD_MAX).expect("the proxy keeps to the protocol") {
            Some((used, frame)) => {
                let (stream, is_end) = (frame.stream, frame.flags & END != 0);
                frames.drain(..used);
                if is_end {
                    break stream;
                }
            }
            None => {
                let mut piece = [0; 2048];
                let n = link.read(&mut piece).expect("a request comes");
                assert!(n > 0 && frames.len() + n <= frames.capacity());
                frames.extend_from_slice(&piece[..n]);
            }
        }
    };
    reply.clear();
    let fields = ReplyFields { status: 200, reason: b"", body: Body::Length(5) };
    put_reply(reply, stream, &fields, false, false, |headers| headers.push(b"Content-Type", b"text/plain"));
    ToProxy::Data { stream, data: b"hello", end: true, hold: false }.write(reply);
    link.write_all(reply).expect("the proxy reads");
}
