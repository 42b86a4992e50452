//! A request that a scripted backend has been given, and all that it may answer.

use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex, PoisonError};

use swiftiply_wire::{
    Body, HeaderBlock, ReplyFields, ReplyHead, RequestFlags, RequestHead, ResetCode, StreamId, ToProxy,
    put_reply,
};

use super::Socket;

/// The sending half of a link.
#[derive(Debug, Clone)]
pub struct Writer(Arc<Mutex<Socket>>);

impl Writer {
    pub fn new(socket: Socket) -> Self {
        Self(Arc::new(Mutex::new(socket)))
    }

    pub fn send(&self, message: &ToProxy<'_>) {
        let mut bytes = Vec::new();
        message.write(&mut bytes);
        self.send_bytes(&bytes);
    }

    /// A link that the proxy has closed is no fault of the test's: it will hear of that by reading.
    pub fn send_bytes(&self, bytes: &[u8]) {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes);
        if let Err(error) = written {
            let is_gone = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
            assert!(is_gone, "the proxy does not read its link: {error}");
        }
    }

    pub fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

/// A request.
#[derive(Debug)]
pub struct Arrived {
    /// The number of the link that it came on.
    pub link: usize,
    pub stream: StreamId,
    pub head: RequestHead<Vec<u8>>,
    pub flags: RequestFlags,
    pub(super) writer: Writer,
}

impl Arrived {
    pub fn method(&self) -> String {
        text(self.head.method().as_bytes())
    }

    pub fn path(&self) -> String {
        text(self.head.path())
    }

    pub fn authority(&self) -> String {
        text(self.head.authority())
    }

    /// All values of this header, joined by `|`; `None` if there is none.
    pub fn header(&self, name: &str) -> Option<String> {
        let headers = self.head.headers();
        let values =
            headers.iter().filter(|(found, _)| found.as_bytes().eq_ignore_ascii_case(name.as_bytes()));
        let values: Vec<_> = values.map(|(_, value)| text(value)).collect();
        (!values.is_empty()).then(|| values.join("|"))
    }

    pub fn send(&self, message: &ToProxy<'_>) {
        self.writer.send(message);
    }

    pub fn started(&self) {
        self.send(&ToProxy::Started(self.stream));
    }

    pub fn inform(&self, status: u16, headers: &[(&str, &str)]) {
        let mut bytes = Vec::new();
        let fields = ReplyFields { status, reason: b"", body: Body::None };
        ReplyHead::write(&mut bytes, &fields, |out| {
            headers.iter().for_each(|(name, value)| out.push(name.as_bytes(), value.as_bytes()));
        });
        let head = ReplyHead::read(&bytes[..]).expect("what was written can be read");
        self.send(&ToProxy::Inform { stream: self.stream, head });
    }

    /// All of a reply in one write.
    pub fn reply(&self, status: u16, body: &str) {
        let mut bytes = self.head_bytes(status, Body::Length(body.len() as u64), &[], body.is_empty());
        if !body.is_empty() {
            self.data_message(body.as_bytes(), true).write(&mut bytes);
        }
        self.writer.send_bytes(&bytes);
    }

    /// Only the head.
    pub fn reply_head(&self, status: u16, body: Body, headers: &[(&str, &str)], end: bool) {
        self.writer.send_bytes(&self.head_bytes(status, body, headers, end));
    }

    fn head_bytes(&self, status: u16, body: Body, headers: &[(&str, &str)], end: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_reply(&mut bytes, self.stream, &ReplyFields { status, reason: b"", body }, end, false, |out| {
            headers.iter().for_each(|(name, value)| out.push(name.as_bytes(), value.as_bytes()));
        });
        bytes
    }

    pub fn data(&self, data: &[u8], end: bool) {
        self.send(&self.data_message(data, end));
    }

    fn data_message<'d>(&self, data: &'d [u8], end: bool) -> ToProxy<'d> {
        ToProxy::Data { stream: self.stream, data, end, hold: false }
    }

    /// Ends the reply, but keeps its slot until [`Arrived::release`].
    pub fn end_and_hold(&self, data: &[u8]) {
        self.send(&ToProxy::Data { stream: self.stream, data, end: true, hold: true });
    }

    pub fn trailers(&self, trailers: &[(&str, &str)]) {
        let mut block = HeaderBlock::new();
        trailers.iter().for_each(|(name, value)| block.push(name.as_bytes(), value.as_bytes()));
        self.send(&ToProxy::Trailers { stream: self.stream, headers: block.as_headers(), hold: false });
    }

    pub fn reset(&self, code: ResetCode, reason: &str) {
        self.send(&ToProxy::Reset { stream: self.stream, code, reason: reason.into() });
    }

    pub fn refuse(&self) {
        self.send(&ToProxy::Refuse(self.stream));
    }

    pub fn release(&self) {
        self.send(&ToProxy::Release(self.stream));
    }

    pub fn grant(&self, credit: u32) {
        self.send(&ToProxy::Window { stream: self.stream, credit });
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("these tests speak ASCII")
}
