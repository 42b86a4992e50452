//! The socket under an HTTP/2 connection: what passes through it is noted for those who look at the clock.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::super::connection::{LINGER_BYTES_MAX, LINGER_TIME};
use super::super::stream::ClientStream;
use crate::shard::{Millis, Shard};

/// When and how much passed through a socket.
pub(super) struct Pulse {
    shard: Rc<Shard>,
    bytes_read: Cell<u64>,
    read_at: Cell<Millis>,
    /// Since when the client takes nothing of what is there for it.
    blocked_since: Cell<Option<Millis>>,
    is_cut: Cell<bool>,
}

impl Pulse {
    pub fn new(shard: Rc<Shard>) -> Self {
        let read_at = Cell::new(shard.now());
        Self {
            shard,
            bytes_read: Cell::new(0),
            read_at,
            blocked_since: Cell::new(None),
            is_cut: Cell::new(false),
        }
    }

    /// Bytes that have come.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.get()
    }

    /// Whether nothing has come for so long.
    pub fn is_silent_for(&self, time: Millis, now: Millis) -> bool {
        now >= self.read_at.get() + time
    }

    /// Whether nothing could be written for so long although something was there.
    pub fn is_blocked_for(&self, time: Millis, now: Millis) -> bool {
        self.blocked_since.get().is_some_and(|since| now >= since + time)
    }

    /// The socket is to be closed by a reset when the connection is dropped.
    pub fn cut(&self) {
        self.is_cut.set(true);
    }

    fn note_read(&self, bytes: usize) {
        self.bytes_read.set(self.bytes_read.get() + bytes as u64);
        self.read_at.set(self.shard.now());
    }

    fn note_written<T>(&self, outcome: &Poll<T>) {
        if outcome.is_ready() {
            self.blocked_since.set(None);
        } else if self.blocked_since.get().is_none() {
            self.blocked_since.set(Some(self.shard.now()));
        }
    }
}

/// A socket as h2 wants one. What HTTP/1.1 had read of it comes first.
pub(super) struct Wire {
    /// There until it is dropped.
    stream: Option<ClientStream>,
    early: Vec<u8>,
    early_used: usize,
    pulse: Rc<Pulse>,
    lingering: Option<Lingering>,
}

/// Our side is closed, and the client's is still read, so that it sees our last frames before it sees a reset.
struct Lingering {
    until: Pin<Box<Sleep>>,
    left: usize,
}

impl Wire {
    pub fn new(stream: ClientStream, early: Vec<u8>, pulse: Rc<Pulse>) -> Self {
        Self { stream: Some(stream), early, early_used: 0, pulse, lingering: None }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut ClientStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn poll_lingered(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (Some(stream), Some(lingering)) = (&mut self.stream, &mut self.lingering) else {
            return Poll::Ready(());
        };
        let mut room = [0; 4096];
        while lingering.until.as_mut().poll(cx).is_pending() {
            let mut room = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut room)) {
                Ok(()) if (1..=lingering.left).contains(&room.filled().len()) => {
                    lingering.left -= room.filled().len();
                }
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let early = &this.early[this.early_used..];
        if early.is_empty() {
            ready!(this.stream()?.poll_read(cx, buf))?;
        } else {
            let taken = early.len().min(buf.remaining());
            buf.put_slice(&early[..taken]);
            this.early_used += taken;
            if this.early_used == this.early.len() {
                (this.early, this.early_used) = (Vec::new(), 0);
            }
        }
        this.pulse.note_read(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = this.stream()?.poll_write(cx, buf);
        this.pulse.note_written(&outcome);
        outcome
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = this.stream()?.poll_write_vectored(cx, bufs);
        this.pulse.note_written(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = this.stream()?.poll_flush(cx);
        this.pulse.note_written(&outcome);
        outcome
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(this.stream()?.poll_shutdown(cx))?;
            let until = Box::pin(sleep(LINGER_TIME));
            this.lingering = Some(Lingering { until, left: LINGER_BYTES_MAX });
        }
        this.poll_lingered(cx).map(Ok)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take().filter(|_| self.pulse.is_cut.get()) {
            stream.cut();
        }
    }
}
