//! What a client sends, and how far the error goes.

use crate::frames::*;
use crate::support::{Heard, quick};

/// What becomes of it.
pub enum Outcome {
    /// The connection is closed, with one of these codes if with any.
    Closed(&'static [u32]),
    /// The stream is reset with one of these codes; or the connection closed, which is always allowed (RFC 9113 section
    /// 5.4.2).
    Reset(u32, &'static [u32]),
    /// Nothing: the connection works on.
    Alive,
}

/// Where h2 says so instead of what RFC 9113 names: an endpoint may use a broader code (section 7).
pub const BROADER: u32 = PROTOCOL_ERROR;

pub type Case = (&'static str, fn(&mut Peer), Outcome);

/// Plays each case against a proxy of its own connection; nothing of what is wrong may reach a backend.
pub fn play(cases: &[Case]) {
    let proxy = quick(|_| {});
    let mut backend = proxy.backend();
    for (name, act, outcome) in cases {
        let mut peer = Peer::connect(proxy.clients);
        act(&mut peer);
        match outcome {
            Outcome::Closed(codes) => {
                let code = peer.was_closed();
                assert!(code.is_none_or(|code| codes.contains(&code)), "{name}: GOAWAY {code:?}");
            }
            Outcome::Reset(stream, codes) => {
                while let Some(frame) = peer.next() {
                    let is_told = frame.kind == GOAWAY || (frame.kind, frame.stream) == (RST_STREAM, *stream);
                    if is_told && !(frame.kind == GOAWAY && frame.code() == NO_ERROR) {
                        assert!(codes.contains(&frame.code()), "{name}: {frame:?}");
                        break;
                    }
                    assert_ne!((frame.kind, frame.stream), (HEADERS, *stream), "{name}: {frame:?}");
                }
            }
            Outcome::Alive => peer.is_alive(),
        }
        backend.has_not_heard(name, |heard| matches!(heard, Heard::Request(_)));
    }
}
