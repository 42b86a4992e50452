//! Every bound of the link, with its unit and its reason.

/// Bytes of payload in one frame. A full head (60 KiB of header text) fits with room for its lengths; a peer that
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

/// Bytes of one head's header names and values together, the most that a configuration may allow: lengths on the wire
/// are 16 bits wide.
pub const HEAD_BYTES_MAX: usize = 60 * 1024;

/// Headers in one head, the most that either side accepts.
pub const HEADERS_MAX: usize = 256;

/// Slots of one backend. Stream numbers have 24 bits; this leaves room and bounds what one backend may cost.
pub const SLOTS_MAX: u16 = 16_384;

/// Bytes in each text of the handshake (language, host, label, adapter) and in each reason.
pub const TEXT_MAX: usize = 255;
