//! What a backend said, for tests to compare: the same in tests of the core and of the drivers.

use swiftiply_wire::{Body, Frame, StreamId, ToProxy};

/// What a backend said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Started(StreamId),
    Inform {
        stream: StreamId,
        status: u16,
        headers: Vec<(String, String)>,
    },
    Reply {
        stream: StreamId,
        status: u16,
        headers: Vec<(String, String)>,
        body: Body,
        end: bool,
        hold: bool,
    },
    Data {
        stream: StreamId,
        data: Vec<u8>,
        end: bool,
        hold: bool,
    },
    Trailers {
        stream: StreamId,
        headers: Vec<(String, String)>,
    },
    Reset {
        stream: StreamId,
        reason: String,
    },
    Refuse(StreamId),
    Release(StreamId),
    Window {
        stream: StreamId,
        credit: u32,
    },
    Slots(u16),
    Drain,
    Ping(u64),
    Pong(u64),
    Goodbye(String),
    Other(String),
    /// The backend closed its side.
    Closed,
}

impl Said {
    pub fn of(frame: Frame<'_>) -> Self {
        let message = &ToProxy::read(frame).unwrap();
        let texts = |headers: swiftiply_wire::Headers<'_>| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            headers.iter().map(|(name, value)| (text(name.as_bytes()), text(value))).collect::<Vec<_>>()
        };
        match message {
            ToProxy::Started(stream) => Said::Started(*stream),
            ToProxy::Inform { stream, head } => {
                Said::Inform { stream: *stream, status: head.status(), headers: texts(head.headers()) }
            }
            ToProxy::Reply { stream, head, end, hold } => Said::Reply {
                stream: *stream,
                status: head.status(),
                headers: texts(head.headers()),
                body: head.body(),
                end: *end,
                hold: *hold,
            },
            ToProxy::Data { stream, data, end, hold } => {
                Said::Data { stream: *stream, data: data.to_vec(), end: *end, hold: *hold }
            }
            ToProxy::Trailers { stream, headers, .. } => {
                Said::Trailers { stream: *stream, headers: texts(*headers) }
            }
            ToProxy::Reset { stream, reason, .. } => Said::Reset { stream: *stream, reason: reason.clone() },
            ToProxy::Refuse(stream) => Said::Refuse(*stream),
            ToProxy::Release(stream) => Said::Release(*stream),
            ToProxy::Window { stream, credit } => Said::Window { stream: *stream, credit: *credit },
            ToProxy::Slots(slots) => Said::Slots(*slots),
            ToProxy::Drain => Said::Drain,
            ToProxy::Ping(number) => Said::Ping(*number),
            ToProxy::Pong(number) => Said::Pong(*number),
            ToProxy::Goodbye { reason, .. } => Said::Goodbye(reason.clone()),
            other => Said::Other(format!("{other:?}")),
        }
    }
}
