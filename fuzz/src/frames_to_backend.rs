//! What the proxy says on a link: every frame has one meaning.

use swiftiply_wire::limits::FRAME_PAYLOAD_MAX;
use swiftiply_wire::{Frame, ToBackend};

use crate::pieces;

/// Any bytes, as a proxy sends them.
pub fn check(input: &[u8]) {
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
