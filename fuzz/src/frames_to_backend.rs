//! What the proxy says on a link: every frame has one meaning.

use swiftiply_wire::limits::FRAME_PAYLOAD_MAX;
use swiftiply_wire::{Frame, ToBackend};

use crate::pieces;

/// Any bytes, as a proxy sends them.
pub fn check(input: &[u8]) {
    // Without a fuzzer a test of the core itself does that.
    #[cfg(fuzzing)]
    is_taken_the_same_in_pieces(input);
    let mut rest = input;
    while let Ok(Some((used, frame))) = Frame::parse(rest, FRAME_PAYLOAD_MAX) {
        means_the_same_again(frame);
        rest = &rest[used..];
    }
    pieces::give_the_same_frames(input, |frame| format!("{:?}", ToBackend::read(frame)));
}

fn means_the_same_again(frame: Frame<'_>) {
    let Ok(message) = ToBackend::read(frame) else { return };
    let mut written = Vec::new();
    message.write(&mut written);
    let (used, again) =
        Frame::parse(&written, FRAME_PAYLOAD_MAX).expect("our frames are sound").expect("and whole");
    assert_eq!(used, written.len());
    assert_eq!(ToBackend::read(again).as_ref(), Ok(&message));
    if let ToBackend::Request { head, .. } = &message {
        let owned = head.to_owned_head();
        assert_eq!(owned.headers().iter().count(), head.headers().len());
        assert!(matches!(owned.path(), [b'/', ..] | b"*"));
    }
}

#[cfg(fuzzing)]
fn is_taken_the_same_in_pieces(input: &[u8]) {
    use swiftiply_connector::fuzzing::any_proxy::outcome;
    for is_welcome in [false, true] {
        let mut ways = pieces::ways(input).into_iter().map(|lengths| {
            let starts = std::iter::once(0).chain(lengths.clone());
            outcome(starts.zip(lengths).map(|(start, end)| &input[start..end]), is_welcome)
        });
        let whole = ways.next().expect("it is read at once");
        ways.for_each(|pieces| assert_eq!(pieces, whole));
    }
}
