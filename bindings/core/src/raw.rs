//! A reply that an app writes as the text of HTTP/1, on what it takes for a client's socket: the refusals and the 101 of
//! WebSocket libraries, and whatever else is done to a connection that was handed away.
//!
//! | stage   | takes                                        | then                                      |
//! |---------|----------------------------------------------|-------------------------------------------|
//! | Head    | an informational head, any number of times   | INFORM                                    |
//! |         | a final head                                 | REPLY, → Tunnel, Body or Chunks           |
//! | Tunnel  | anything                                     | DATA                                      |
//! | Body    | its Content-Length, or anything if it has none | DATA, → Over when it is whole           |
//! | Chunks  | chunks, decoded                              | DATA, → Over at the last one              |
//! | Over    | anything, which goes nowhere                 |                                           |

use swiftiply_wire::limits::{HEAD_BYTES_MAX, HEADERS_MAX};

use crate::chunks::Chunks;
use crate::{Reply, ReplyError, ReplyHead};

/// Writes a reply that comes as text. Bytes go in in pieces of any size.
#[derive(Debug)]
pub struct RawReply {
    reply: Reply,
    stage: Stage,
    /// A head that is not all there yet.
    text: Vec<u8>,
}

#[derive(Debug)]
enum Stage {
    Head,
    Tunnel,
    Body { left: Option<u64> },
    Chunks(Chunks),
    Over,
}

impl RawReply {
    /// Begins with a head.
    pub fn new(reply: Reply) -> Self {
        Self { reply, stage: Stage::Head, text: Vec::new() }
    }

    /// Goes on behind a head that was given by [`Reply::start`]: all that comes is body, or said in the tunnel.
    pub fn behind_head(reply: Reply, is_tunnel: bool) -> Self {
        let stage = if is_tunnel { Stage::Tunnel } else { Stage::Body { left: None } };
        Self { reply, stage, text: Vec::new() }
    }

    /// Whether a 101 has made the exchange a tunnel, so that [`Request::read`](crate::Request::read) gives what the client
    /// says in it.
    pub fn is_tunnel(&self) -> bool {
        matches!(self.stage, Stage::Tunnel)
    }

    /// Whether the reply is whole by what it said of itself.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Takes as much as the client's window does; a head is always taken. Like [`Reply::try_write`], it takes less than
    /// all only where a later call will take more.
    ///
    /// # Errors
    /// [`ReplyError::BadText`] when this is no reply of HTTP/1: then it was aborted. Else as [`Reply::start`] and
    /// [`Reply::write`].
    pub fn try_write(&mut self, data: &[u8]) -> Result<usize, ReplyError> {
        let mut taken = 0;
        while taken < data.len() {
            let rest = &data[taken..];
            let (n, goes_on) = match &mut self.stage {
                Stage::Head => (self.take_text(rest)?, true),
                Stage::Tunnel | Stage::Body { left: None } => (self.reply.try_write(rest)?, false),
                Stage::Body { left: Some(left) } => {
                    let allowed = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let n = self.reply.try_write(&rest[..allowed])?;
                    *left -= n as u64;
                    (n, n == allowed)
                }
                Stage::Chunks(chunks) => chunks.pass_on(rest, &self.reply).inspect_err(|error| {
                    self.reply.abort(&error.to_string());
                })?,
                Stage::Over => (rest.len(), true),
            };
            taken += n;
            self.end_if_whole()?;
            if !goes_on {
                break;
            }
        }
        Ok(taken)
    }

    /// The app has closed its side: what has no length ends here, in order. What is not whole by what it said of itself
    /// is cut.
    ///
    /// # Errors
    /// As [`Reply::finish`].
    pub fn finish(&mut self) -> Result<(), ReplyError> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => Ok(()),
            Stage::Head | Stage::Chunks(_) => {
                self.reply.abort("the app closed the connection before its reply was whole");
                Ok(())
            }
            Stage::Tunnel | Stage::Body { .. } => self.reply.finish(None),
        }
    }

    /// Takes what belongs to a head; how much that was.
    fn take_text(&mut self, data: &[u8]) -> Result<usize, ReplyError> {
        let before = self.text.len();
        let room = HEAD_BYTES_MAX.saturating_sub(before);
        self.text.extend_from_slice(&data[..data.len().min(room)]);
        let text = std::mem::take(&mut self.text);
        match self.read_head(&text) {
            Ok(Some(used)) => Ok(used - before),
            Ok(None) if data.len() <= room => {
                self.text = text;
                Ok(data.len())
            }
            Ok(None) => Err(self.refuse(ReplyError::HeadTooLong { limit: "61440 bytes" })),
            Err(error) => Err(self.refuse(error)),
        }
    }

    fn read_head(&mut self, text: &[u8]) -> Result<Option<usize>, ReplyError> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let used = match response.parse(text) {
            Ok(httparse::Status::Complete(used)) => used,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(ReplyError::BadText(error.to_string())),
        };
        let status = response.code.unwrap_or_default();
        if (100..200).contains(&status) && status != 101 {
            let fields: Vec<_> =
                response.headers.iter().map(|field| (field.name.as_bytes(), field.value)).collect();
            self.reply.inform(status, &fields)?;
            return Ok(Some(used));
        }
        let mut head = ReplyHead::new(status)?;
        head.set_reason(response.reason.unwrap_or_default().as_bytes())?;
        let mut is_chunked = false;
        for field in &*response.headers {
            is_chunked |=
                field.name.eq_ignore_ascii_case("transfer-encoding") && is_chunked_coding(field.value)?;
            head.push(field.name.as_bytes(), field.value)?;
        }
        self.reply.start(&head)?;
        self.reply.flush()?;
        self.stage = match head.length() {
            _ if status == 101 => Stage::Tunnel,
            _ if is_chunked => Stage::Chunks(Chunks::default()),
            left => Stage::Body { left },
        };
        Ok(Some(used))
    }

    fn end_if_whole(&mut self) -> Result<(), ReplyError> {
        let is_whole = match &self.stage {
            Stage::Body { left } => *left == Some(0),
            Stage::Chunks(chunks) => chunks.is_over(),
            Stage::Head | Stage::Tunnel | Stage::Over => false,
        };
        if is_whole {
            self.stage = Stage::Over;
            self.reply.finish(None)?;
        }
        Ok(())
    }

    fn refuse(&mut self, error: ReplyError) -> ReplyError {
        self.stage = Stage::Over;
        self.reply.abort(&error.to_string());
        error
    }
}

fn is_chunked_coding(value: &[u8]) -> Result<bool, ReplyError> {
    match value.trim_ascii() {
        coding if coding.eq_ignore_ascii_case(b"chunked") => Ok(true),
        coding if coding.eq_ignore_ascii_case(b"identity") => Ok(false),
        _ => Err(ReplyError::BadText("a Transfer-Encoding that is not chunked".into())),
    }
}
