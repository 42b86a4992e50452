//! The task of one link: it alone touches the socket.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use swiftiply_wire::limits::FRAME_PAYLOAD_MAX;
use swiftiply_wire::{FRAME_HEADER_BYTES, Frame, GoodbyeCode, WireError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::receive::Breach;
use super::{Link, LinkStream, OUT_MAX};
use crate::buffer::Buffer;
use crate::exchange::Loss;
use crate::shard::{PoolHere, Shard};

/// Reads in one go before other tasks get their turn; a link that never runs dry must not starve clients.
const READS_PER_TURN: usize = 4;

/// How long, and for how many bytes, a link that we close is still read, so that our last words are: what was on its way
/// before the backend could know, and no more of one that does not listen.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// The largest frame, whole.
const IN_MAX: usize = FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX;

/// How a link ended.
#[derive(Debug)]
enum End {
    /// The backend said goodbye, or closed when it had nothing of ours.
    Left,
    /// The socket failed or was closed under running requests.
    Broke(Option<io::Error>),
    /// Nothing was heard for two ping intervals.
    Silent,
    /// The backend broke the protocol.
    Breach(Breach),
    /// We closed it.
    Dismissed,
}

/// Serves a link until it ends, then takes its backend out of the site. `early` came behind the handshake.
pub async fn run(link: Rc<Link>, stream: LinkStream, early: &[u8], pool: Rc<PoolHere>, shard: Rc<Shard>) {
    let mut task =
        Task { link: &link, stream, incoming: Buffer::default(), written: 0, pool: &pool, shard: &shard };
    task.incoming.append(early);
    let end = poll_fn(|cx| task.poll(cx)).await;
    // Out of service first, so that what is replayed cannot come back here.
    let gone = pool.link_down(&link, shard.index);
    link.go_down(match end {
        End::Silent => Loss::Silent,
        _ => Loss::Died,
    });
    log(&link, &pool, &shard, &end, gone);
    match end {
        End::Breach(_) => {
            task.say_goodbye(
                GoodbyeCode::Breach,
                "this end broke the link protocol; the proxy's log says how",
            );
            Box::pin(close(task.stream)).await;
        }
        End::Silent => {
            task.say_goodbye(GoodbyeCode::Silence, "this end did not answer a ping in time");
            task.stream.cut();
        }
        End::Dismissed => Box::pin(close(task.stream)).await,
        End::Left | End::Broke(_) => {}
    }
    shard.link_ended(&link);
}

/// Closes our direction and reads on: a socket that is closed with something unread takes our last words with it.
async fn close(mut stream: LinkStream) {
    let until_closed = async {
        stream.shutdown().await?;
        let (mut piece, mut read) = ([0; 4096], 0);
        while read < LINGER_BYTES_MAX {
            match stream.read(&mut piece).await? {
                0 => break,
                n => read += n,
            }
        }
        Ok::<_, io::Error>(())
    };
    let _ = timeout(LINGER_TIME, until_closed).await;
}

fn log(link: &Link, pool: &PoolHere, shard: &Shard, end: &End, gone: bool) {
    let (site, backend) = (pool.name(), &link.name);
    match end {
        // It is at the process that has taken this one's place.
        End::Left | End::Dismissed if gone && shard.sends_backends() => {
            tracing::debug!("{site}: backend {backend} has nothing left here");
        }
        End::Left | End::Dismissed if gone => tracing::info!("{site}: backend {backend} left"),
        End::Left | End::Dismissed => tracing::debug!("{site}: a link of backend {backend} closed"),
        End::Broke(Some(error)) => tracing::warn!("{site}: backend {backend} was lost: {error}"),
        End::Broke(None) => {
            tracing::warn!("{site}: backend {backend} died: its link closed without a goodbye")
        }
        End::Silent => {
            tracing::warn!("{site}: backend {backend} is frozen or out of reach: it did not answer a ping")
        }
        // It comes again and again, and does not learn.
        End::Breach(breach) if shard.resources.complaints.allows(link.peer) => {
            tracing::error!("{site}: backend {backend} broke the link protocol: {breach}");
        }
        End::Breach(breach) => tracing::debug!("{site}: backend {backend} broke the link protocol: {breach}"),
    }
}

struct Task<'a> {
    link: &'a Rc<Link>,
    stream: LinkStream,
    incoming: Buffer,
    /// How much of the link's `out` has left.
    written: usize,
    pool: &'a PoolHere,
    shard: &'a Shard,
}

impl Task<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.keep_waker(cx);
        if let Err(error) = self.write(cx) {
            // What the backend said before it died still counts.
            let _ = self.read(cx);
            return Poll::Ready(End::Broke(Some(error)));
        }
        if let Poll::Ready(end) = self.read(cx) {
            return Poll::Ready(end);
        }
        if self.link.suspect.replace(false) {
            return Poll::Ready(End::Silent);
        }
        match self.write(cx) {
            Err(error) => Poll::Ready(End::Broke(Some(error))),
            Ok(()) if self.is_dismissed() => Poll::Ready(End::Dismissed),
            Ok(()) => Poll::Pending,
        }
    }

    fn keep_waker(&self, cx: &Context<'_>) {
        let mut state = self.link.state.borrow_mut();
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
    }

    /// Writes what was appended since the last time, as far as the socket takes it.
    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut state = self.link.state.borrow_mut();
        while self.written < state.out.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &state.out[self.written..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => self.written += n,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        if self.written == state.out.len() {
            state.out.clear();
            self.written = 0;
        } else if self.written >= OUT_MAX {
            state.out.drain(..self.written);
            self.written = 0;
        }
        if state.out.len() < OUT_MAX {
            state.want_room.drain(..).for_each(std::task::Waker::wake);
        }
        Ok(())
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Some(end) = self.take_frames() {
            return Poll::Ready(end);
        }
        for _ in 0..READS_PER_TURN {
            if !self.incoming.has_memory() {
                self.incoming = self.shard.link_buffers.take();
            }
            let mut room = ReadBuf::new(self.incoming.room(IN_MAX));
            let outcome = Pin::new(&mut self.stream).poll_read(cx, &mut room);
            let n = room.filled().len();
            match outcome {
                Poll::Pending => {
                    if self.incoming.is_empty() {
                        self.shard.link_buffers.give_back(&mut self.incoming);
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(End::Broke(Some(error))),
                Poll::Ready(Ok(())) if n == 0 => return Poll::Ready(self.closed()),
                Poll::Ready(Ok(())) => {
                    self.incoming.filled(n);
                    self.heard();
                    if let Some(end) = self.take_frames() {
                        return Poll::Ready(end);
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Acts on the whole frames that are there. Some if the link ends with them: a goodbye is the last of them, and
    /// nothing that we might still send would be of use.
    fn take_frames(&mut self) -> Option<End> {
        loop {
            match Frame::parse(self.incoming.data(), FRAME_PAYLOAD_MAX) {
                Ok(None) => return None,
                Ok(Some((used, frame))) => {
                    if let Err(breach) = self.link.receive(frame, self.pool, self.shard) {
                        return Some(End::Breach(breach));
                    }
                    self.incoming.consume(used);
                }
                Err(error) => return Some(End::Breach(error.into())),
            }
            if self.link.state.borrow().has_left {
                return Some(End::Left);
            }
        }
    }

    fn heard(&self) {
        self.link.heard.set(self.shard.now());
        self.link.pinged.set(None);
        self.link.suspect.set(false);
    }

    fn closed(&self) -> End {
        let state = self.link.state.borrow();
        match state.leaving {
            Some(_) => End::Left,
            None => End::Broke(None),
        }
    }

    /// Whether our goodbye is written, or there is nothing left to do for a link that drains.
    fn is_dismissed(&self) -> bool {
        let state = self.link.state.borrow();
        state.leaving.is_some() && state.out.is_empty()
    }

    /// A last word to a backend that we give up, if there is room for it; it helps whoever reads its log.
    fn say_goodbye(&mut self, code: GoodbyeCode, reason: &str) {
        let mut bytes = Vec::new();
        swiftiply_wire::ToBackend::Goodbye { code, reason: reason.to_owned() }.write(&mut bytes);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let _ = Pin::new(&mut self.stream).poll_write(&mut cx, &bytes);
    }
}

impl From<WireError> for Breach {
    fn from(error: WireError) -> Self {
        Self(error.to_string())
    }
}
