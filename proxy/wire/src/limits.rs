//! Every bound of the link, with its unit and its reason.

/// Bytes of payload in one frame. A full head fits, its authority and header lengths counted twice over; a peer that
/// announces more is broken or hostile and is cut before a byte of it is kept.
pub const FRAME_PAYLOAD_MAX: usize = 128 * 1024;

/// Bytes of payload in one frame of the handshake, before the peer is known: a stranger may cost no more than this.
pub const HANDSHAKE_PAYLOAD_MAX: usize = 2 * 1024;

/// Bytes of body in one DATA frame. Small enough that frames of many streams take turns on one link, large enough
/// that the eight bytes of header do not count.
pub const DATA_MAX: usize = 32 * 1024;

/// Bytes of body that a side lets the other send on one stream before it grants more, unless the handshake says
/// otherwise. It is also the most that a stalled reader costs the other end per stream.
pub const WINDOW_DEFAULT: u32 = 256 * 1024;

/// Bytes of one head as text (request line or status line, header names and values), the most that a configuration may
/// allow: lengths on the wire are 16 bits wide.
pub const HEAD_BYTES_MAX: usize = 60 * 1024;

/// Headers in one head, the most that either side accepts.
pub const HEADERS_MAX: usize = 256;

/// Slots of one backend. Stream numbers have 24 bits; this leaves room and bounds what one backend may cost.
pub const SLOTS_MAX: u16 = 16_384;

/// The highest stream number: all that 24 bits can say.
pub const STREAM_MAX: u32 = 0xFF_FFFF;

/// Bytes in each text of the handshake (language, host, label, adapter) and in each reason.
pub const TEXT_MAX: usize = 255;

/// Bytes of a request's body that a proxy keeps at least, to send it again if it is refused: most forms and JSON
/// documents. A backend rather takes a longer one beyond its slots than let it be lost.
pub const BODY_KEPT_MIN: u64 = 16 * 1024;

/// Milliseconds from the accepted connection to WELCOME. A round trip or two suffice; whoever takes longer is a port
/// scanner, or a process too busy to be given requests.
pub const HANDSHAKE_MS: u32 = 5_000;

/// What the numbers above promise to each other.
const _: () = {
    assert!(FRAME_PAYLOAD_MAX > 2 * HEAD_BYTES_MAX + 5 * HEADERS_MAX + 256);
    assert!(HANDSHAKE_PAYLOAD_MAX > 128 + 4 * (1 + TEXT_MAX));
    assert!(HEAD_BYTES_MAX <= u16::MAX as usize && TEXT_MAX <= u8::MAX as usize);
    assert!(DATA_MAX <= FRAME_PAYLOAD_MAX && DATA_MAX as u32 <= WINDOW_DEFAULT);
};
