//! A request's body as it comes in: kept until the app reads it, within a window that grows again as it does.
//!
//! | state  | data          | end          | cut      | read                               |
//! |--------|---------------|--------------|----------|------------------------------------|
//! | Coming | kept          | → Whole      | → Cut    | what is kept, else nothing yet     |
//! | Whole  | breach        | breach       | –        | what is kept, then the end         |
//! | Cut    | dropped       | dropped      | –        | what is kept, then the failure     |
//!
//! A tunnel begins in Coming, whatever came before.

use std::collections::VecDeque;

use swiftiply_wire::{Body, HeaderBlock, Headers};

use crate::{Read, ReadError};

/// Pieces shorter than this are joined, so that a body in single bytes does not cost a piece of memory each.
const PIECE_MIN: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct RequestBody {
    state: State,
    pieces: VecDeque<Vec<u8>>,
    /// Bytes that may still come, where the head told.
    left: Option<u64>,
    /// Bytes that the proxy may still send before it is granted more.
    window: u32,
    window_full: u32,
    /// Bytes that the app has read and the proxy has not been told of.
    read_since: u32,
    /// The client sends nothing before it is told to continue.
    awaits_continue: bool,
    /// The next arrival is news: nothing came before, or a read found nothing.
    tells: bool,
    trailers: Option<HeaderBlock>,
    is_tunnel: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Coming,
    Whole,
    Cut(ReadError),
}

impl RequestBody {
    /// The body behind a head. `window` is what the handshake promised the proxy.
    pub(crate) fn new(announced: Body, ends: bool, awaits_continue: bool, window: u32) -> Self {
        Self {
            state: if ends { State::Whole } else { State::Coming },
            pieces: VecDeque::new(),
            left: announced.length(),
            window,
            window_full: window,
            read_since: 0,
            awaits_continue: awaits_continue && !ends,
            tells: !ends,
            trailers: None,
            is_tunnel: false,
        }
    }

    /// Takes a piece from the proxy.
    ///
    /// # Errors
    /// What the proxy broke: the length it announced, or the window.
    pub(crate) fn receive(&mut self, data: &[u8], ends: bool) -> Result<(), &'static str> {
        match self.state {
            State::Coming => {}
            State::Whole => return Err("sent body after the end of the request"),
            State::Cut(_) => return Ok(()),
        }
        let n = data.len() as u64;
        if self.left.is_some_and(|left| n > left) {
            return Err("sent more body than the request's length");
        }
        self.left = self.left.map(|left| left - n);
        if ends && self.left.is_some_and(|left| left > 0) {
            return Err("ended a request's body before its length was reached");
        }
        self.window = u32::try_from(n)
            .ok()
            .and_then(|n| self.window.checked_sub(n))
            .ok_or("sent more body than the window allows")?;
        self.keep(data);
        if ends {
            self.state = State::Whole;
        }
        Ok(())
    }

    /// The body ends with these.
    pub(crate) fn receive_trailers(&mut self, trailers: Headers<'_>) -> Result<(), &'static str> {
        self.receive(&[], true)?;
        if self.state == State::Whole {
            self.trailers = Some(trailers.into());
        }
        Ok(())
    }

    /// The rest never comes. A body that is whole stays so.
    pub(crate) fn cut(&mut self, why: ReadError) {
        if self.state == State::Coming {
            self.state = State::Cut(why);
        }
    }

    /// The stream became a tunnel: bytes of any number come now, whatever the head said.
    pub(crate) fn open_tunnel(&mut self) {
        if !self.is_tunnel && !matches!(self.state, State::Cut(_)) {
            self.state = State::Coming;
            self.left = None;
        }
        self.is_tunnel = true;
    }

    /// Gives at most `max` bytes, and the credit that the proxy is to be granted, if any.
    pub(crate) fn read(&mut self, max: usize) -> (Read, Option<u32>) {
        let Some(mut piece) = self.pieces.pop_front() else {
            return (self.read_end(), None);
        };
        if piece.len() > max {
            let rest = piece.split_off(max);
            self.pieces.push_front(rest);
        }
        // A window is a u32, and no more than it is ever kept.
        self.read_since += piece.len() as u32;
        let grants = self.state == State::Coming && self.read_since >= self.window_full / 2;
        let credit = grants.then(|| std::mem::take(&mut self.read_since));
        self.window += credit.unwrap_or(0);
        (Read::Data(piece), credit)
    }

    /// Whether a read would give something.
    pub(crate) fn is_readable(&self) -> bool {
        !self.pieces.is_empty() || self.state != State::Coming
    }

    /// Whether the client has to be told to continue, which is then no longer so.
    pub(crate) fn take_continue(&mut self) -> bool {
        self.state == State::Coming && std::mem::take(&mut self.awaits_continue)
    }

    /// The reply has begun. A client that was not told to continue by then sends no body.
    pub(crate) fn reply_has_begun(&mut self) {
        if self.take_continue() {
            self.cut(ReadError::ReplyEnded);
        }
    }

    /// Whether a reader has to be told of what has come; once for the first and after each read that found nothing.
    pub(crate) fn take_news(&mut self) -> bool {
        self.is_readable() && std::mem::take(&mut self.tells)
    }

    pub(crate) fn trailers(&self) -> Option<HeaderBlock> {
        self.trailers.clone().filter(|_| self.pieces.is_empty())
    }

    fn read_end(&mut self) -> Read {
        match self.state {
            State::Coming => {
                self.tells = true;
                Read::Nothing
            }
            State::Whole => Read::End,
            State::Cut(why) => Read::Failed(why),
        }
    }

    fn keep(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        match self.pieces.back_mut() {
            Some(last) if last.len() + data.len() <= PIECE_MIN => last.extend_from_slice(data),
            _ => self.pieces.push_back(data.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(announced: Body) -> RequestBody {
        RequestBody::new(announced, false, false, 100)
    }

    fn data(bytes: &[u8]) -> Read {
        Read::Data(bytes.to_vec())
    }

    #[test]
    fn a_body_in_pieces_is_read_in_any_size() {
        let mut body = body(Body::Unknown);
        assert_eq!(body.read(9).0, Read::Nothing);
        body.receive(b"hello ", false).unwrap();
        body.receive(b"world", true).unwrap();
        assert_eq!(body.read(2).0, data(b"he"));
        assert_eq!(body.read(99).0, data(b"llo world"));
        assert_eq!(body.read(99).0, Read::End);
        assert_eq!(body.read(99).0, Read::End);
    }

    #[test]
    fn the_window_is_granted_again_when_half_of_it_is_read() {
        let mut body = body(Body::Unknown);
        body.receive(&[b'x'; 100], false).unwrap();
        assert_eq!(body.read(49).1, None);
        assert_eq!(body.read(11).1, Some(60));
        body.receive(&[b'x'; 60], false).unwrap();
        assert!(body.receive(b"x", false).is_err(), "the window is full");
    }

    #[test]
    fn a_whole_body_grants_nothing() {
        let mut body = body(Body::Length(100));
        body.receive(&[b'x'; 100], true).unwrap();
        assert_eq!(body.read(100).1, None);
    }

    #[test]
    fn a_body_that_breaks_its_length_is_a_breach() {
        assert!(body(Body::Length(3)).receive(b"four", false).is_err());
        assert!(body(Body::Length(3)).receive(b"ab", true).is_err());
        assert!(body(Body::None).receive(b"a", false).is_err());
        let mut whole = RequestBody::new(Body::None, true, false, 100);
        assert!(whole.receive(b"", true).is_err());
    }

    #[test]
    fn a_cut_body_never_looks_whole() {
        let mut body = body(Body::Unknown);
        body.receive(b"ab", false).unwrap();
        body.cut(ReadError::ClientGone);
        body.receive(b"late", true).unwrap();
        assert_eq!(body.read(9).0, data(b"ab"));
        assert_eq!(body.read(9).0, Read::Failed(ReadError::ClientGone));
        assert_eq!(body.read(9).0, Read::Failed(ReadError::ClientGone));
    }

    #[test]
    fn news_come_once_and_then_after_each_empty_read() {
        let mut body = body(Body::Unknown);
        assert!(!body.take_news());
        body.receive(b"a", false).unwrap();
        assert!(body.take_news());
        body.receive(b"b", false).unwrap();
        assert!(!body.take_news());
        assert_eq!(body.read(9).0, data(b"ab"));
        assert_eq!(body.read(9).0, Read::Nothing);
        body.receive(b"", true).unwrap();
        assert!(body.take_news() && !body.take_news());
    }

    #[test]
    fn single_bytes_share_their_memory() {
        let mut body = RequestBody::new(Body::Unknown, false, false, 1 << 16);
        for _ in 0..1 << 16 {
            body.receive(b"x", false).unwrap();
        }
        assert_eq!(body.pieces.len(), (1 << 16) / PIECE_MIN);
    }
}
