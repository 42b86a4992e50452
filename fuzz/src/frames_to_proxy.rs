//! What a backend says on its link: every frame has one meaning, and a reply that is passed on is one reply.

use std::time::SystemTime;

use swiftiply::http::{DateLine, FinalReply, ReplyFraming, inform, switch_protocols};
use swiftiply_wire::limits::FRAME_PAYLOAD_MAX;
use swiftiply_wire::{Frame, ReplyHead, ToProxy, Version, read_preface};

use crate::pieces;

const REPLY_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Any bytes, as a backend sends them behind the preface.
pub fn check(input: &[u8]) {
    // Without a fuzzer a test of the crate itself does that.
    #[cfg(fuzzing)]
    swiftiply::fuzzing::any_reply::check(input);
    let mut rest = input;
    while let Ok(Some((used, frame))) = Frame::parse(rest, FRAME_PAYLOAD_MAX) {
        means_the_same_again(frame);
        rest = &rest[used..];
    }
    let _ = read_preface(input);
    pieces::give_the_same_frames(input, |frame| format!("{:?}", ToProxy::read(frame)));
}

fn means_the_same_again(frame: Frame<'_>) {
    let Ok(message) = ToProxy::read(frame) else { return };
    let mut written = Vec::new();
    message.write(&mut written);
    let (used, again) =
        Frame::parse(&written, FRAME_PAYLOAD_MAX).expect("our frames are sound").expect("and whole");
    assert_eq!(used, written.len());
    assert_eq!(ToProxy::read(again).as_ref(), Ok(&message));
    match &message {
        ToProxy::Reply { head, .. } => is_one_reply(head),
        ToProxy::Inform { head, .. } => {
            is_one_head(head, |out| {
                inform(out, head.status(), head.headers().iter(), REPLY_HEAD_BYTES_MAX).is_ok()
            });
        }
        _ => {}
    }
}

fn is_one_reply(head: &ReplyHead<&[u8]>) {
    let date = DateLine::new(SystemTime::UNIX_EPOCH);
    if head.status() == 101 {
        is_one_head(head, |out| {
            switch_protocols(out, head.headers().iter(), &date, REPLY_HEAD_BYTES_MAX).is_ok()
        });
        return;
    }
    for (version, length) in [(Version::Http11, Some(5)), (Version::Http11, None), (Version::Http10, None)] {
        let framing = ReplyFraming::decide(version, false, head.status(), length);
        let reason = Some(head.reason()).filter(|reason| !reason.is_empty());
        let reply = FinalReply {
            status: head.status(),
            reason,
            version,
            framing,
            keep_alive: true,
            is_for_proxy: false,
            hsts: None,
        };
        is_one_head(head, |out| reply.head(out, head.headers().iter(), &date, REPLY_HEAD_BYTES_MAX).is_ok());
    }
}

/// What is rendered is one head for a reader that is not ours, with the headers that we know of; or nothing.
fn is_one_head(head: &ReplyHead<&[u8]>, render: impl Fn(&mut Vec<u8>) -> bool) {
    let mut out = b"before".to_vec();
    if !render(&mut out) {
        assert_eq!(out, b"before", "what was refused leaves nothing behind");
        return;
    }
    let text = &out[b"before".len()..];
    assert!(text.len() <= REPLY_HEAD_BYTES_MAX);
    let mut room = [httparse::EMPTY_HEADER; 300];
    let mut reply = httparse::Response::new(&mut room);
    let used =
        reply.parse(text).unwrap_or_else(|error| panic!("{error} in {}", text.escape_ascii())).unwrap();
    assert_eq!(used, text.len(), "something stands behind the head");
    assert_eq!(reply.code, Some(head.status()));
    let mut framings = 0;
    for header in reply.headers.iter() {
        let lower = header.name.to_ascii_lowercase();
        let is_ours =
            ["date", "server", "content-length", "transfer-encoding", "connection"].contains(&&lower[..]);
        let is_its = || head.headers().iter().any(|(name, _)| name.as_bytes() == header.name.as_bytes());
        assert!(is_ours || is_its(), "{} came from nowhere", header.name);
        framings += usize::from(lower == "content-length" || lower == "transfer-encoding");
    }
    assert!(framings <= 1, "two framings");
}
