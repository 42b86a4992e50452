//! TLS over a client's socket.
//!
//! rustls keeps the keys and the protocol's state and no bytes (its unbuffered interface): what comes is decrypted in a
//! buffer of the shard's pool and what leaves is encrypted into another. So a client that idles has no buffer at all, and
//! one system call reads or writes several records.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::buffer::{Buffer, Pool};

/// The longest piece of plaintext in one record (RFC 8446 section 5.1).
const RECORD_BYTES_MAX: usize = 16 * 1024;

/// By how much a record may be longer than its plaintext: its header, and what encryption adds (RFC 5246 section 6.2.3,
/// which allows more than RFC 8446).
const RECORD_OVERHEAD_MAX: usize = 5 + 2048;

/// Records that are read, or encrypted and written, at once: more saves few system calls, and costs memory for each
/// client that does not read.
const RECORDS_AT_ONCE: usize = 2;

/// Bytes of a buffer for either direction.
pub const TLS_BUFFER_BYTES: usize = RECORDS_AT_ONCE * (RECORD_BYTES_MAX + RECORD_OVERHEAD_MAX);

/// A client that speaks TLS.
pub struct TlsStream {
    socket: TcpStream,
    tls: UnbufferedServerConnection,
    pool: Rc<Pool>,
    /// Ciphertext that has come and is not decrypted yet: a part of a record, mostly.
    incoming: Buffer,
    /// Plaintext for which there was no room where it was asked for.
    plain: Buffer,
    /// Ciphertext that the socket has not taken yet.
    outgoing: Buffer,
    /// The client sends nothing more.
    has_ended: bool,
    /// It broke the protocol.
    has_failed: bool,
}

/// What rustls is to do besides working on what has come.
#[derive(Clone, Copy)]
enum Wish<'a> {
    Nothing,
    /// Encrypt this.
    Say(&'a [u8]),
    /// Say that nothing more will come (`close_notify`).
    End,
}

/// Where rustls stands when it has nothing more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The handshake goes on when the client has sent more.
    Handshake,
    /// Plaintext flows.
    Open,
    /// Both sides have said that they send nothing more.
    Closed,
}

impl TlsStream {
    /// A client that has sent `early` and is to send the rest of its handshake.
    ///
    /// # Errors
    /// What rustls finds wrong with its settings.
    pub fn new(
        socket: TcpStream,
        early: &[u8],
        config: Arc<ServerConfig>,
        pool: &Rc<Pool>,
    ) -> io::Result<Self> {
        let mut incoming = Buffer::default();
        incoming.append(early);
        Ok(Self {
            socket,
            tls: UnbufferedServerConnection::new(config).map_err(io::Error::other)?,
            pool: pool.clone(),
            incoming,
            plain: Buffer::default(),
            outgoing: Buffer::default(),
            has_ended: false,
            has_failed: false,
        })
    }

    /// Ready when the handshake is over. A client with which there can be none is told why by an alert.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let standing = self.process(&mut ReadBuf::new(&mut []), Wish::Nothing);
            let flushed = self.poll_write_outgoing(cx);
            if standing? != Standing::Handshake {
                return flushed;
            }
            ready!(flushed)?;
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// The protocol that was agreed on (ALPN), if any was.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.tls.alpn_protocol()
    }

    /// The socket underneath.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Bytes that were taken and have not left yet.
    pub fn unsent(&self) -> usize {
        self.outgoing.len()
    }

    /// Says that nothing more will come, as far as the socket takes it at once: nobody waits for that.
    pub fn say_goodbye(&mut self) {
        if self.outgoing.is_empty() && self.process(&mut ReadBuf::new(&mut []), Wish::End).is_ok() {
            let _ = self.socket.try_write(self.outgoing.data());
        }
    }

    /// Lets rustls work on what has come, until there is plaintext or it needs more. Plaintext goes to `room` as far as
    /// it fits; the rest waits in `plain`.
    fn process(&mut self, room: &mut ReadBuf<'_>, mut wish: Wish<'_>) -> io::Result<Standing> {
        if self.has_failed {
            return Err(io::ErrorKind::InvalidData.into());
        }
        loop {
            let UnbufferedStatus { mut discard, state } =
                self.tls.process_tls_records(self.incoming.data_mut());
            let mut standing = None;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(io::Error::other)?;
                        let (now, later) =
                            record.payload.split_at(record.payload.len().min(room.remaining()));
                        room.put_slice(now);
                        self.plain.append(later);
                        discard += record.discard;
                        if !now.is_empty() {
                            standing = Some(Standing::Open);
                        }
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    put(&mut self.outgoing, &self.pool, |room| Ok(data.encode(room)?))?;
                }
                // It is in `outgoing`, and so leaves before anything else.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.has_ended = true,
                Ok(ConnectionState::BlockedHandshake) => standing = Some(Standing::Handshake),
                Ok(ConnectionState::Closed) => standing = Some(Standing::Closed),
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    match std::mem::replace(&mut wish, Wish::Nothing) {
                        Wish::Nothing => {}
                        Wish::Say(piece) => {
                            put(&mut self.outgoing, &self.pool, |room| Ok(traffic.encrypt(piece, room)?))?;
                        }
                        Wish::End => {
                            put(
                                &mut self.outgoing,
                                &self.pool,
                                |room| Ok(traffic.queue_close_notify(room)?),
                            )?;
                        }
                    }
                    standing = Some(Standing::Open);
                }
                Ok(_) => return Err(io::Error::other("data before the end of the handshake")),
                Err(error) => {
                    self.incoming.consume(discard);
                    self.take_alert();
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
            self.incoming.consume(discard);
            if let Some(standing) = standing {
                return Ok(standing);
            }
        }
    }

    /// After an error, of which rustls does not want to hear twice: what it wants the client to be told.
    fn take_alert(&mut self) {
        self.has_failed = true;
        while self.tls.wants_write()
            && let Ok(ConnectionState::EncodeTlsData(mut alert)) =
                self.tls.process_tls_records(self.incoming.data_mut()).state
            && put(&mut self.outgoing, &self.pool, |room| Ok(alert.encode(room)?)).is_ok()
        {}
    }

    /// Reads what has come, and gives how much; nought means that the client has closed its side.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.incoming.capacity() < TLS_BUFFER_BYTES {
            let small = std::mem::replace(&mut self.incoming, self.pool.take());
            self.incoming.room_for(small.len())[..small.len()].copy_from_slice(small.data());
            self.incoming.filled(small.len());
        }
        let room = self.incoming.room(TLS_BUFFER_BYTES);
        if room.is_empty() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "an endless handshake message",
            )));
        }
        let mut room = ReadBuf::new(room);
        let outcome = Pin::new(&mut self.socket).poll_read(cx, &mut room);
        let n = room.filled().len();
        self.incoming.filled(n);
        if outcome.is_pending() {
            self.shrink();
        }
        outcome.map_ok(|()| n)
    }

    /// A client that is slow to send the rest of a record has only as much memory as it has sent; one that idles, none.
    fn shrink(&mut self) {
        let mut small = Buffer::default();
        small.append(self.incoming.data());
        self.incoming.consume(self.incoming.len());
        self.pool.give_back(&mut self.incoming);
        self.incoming = small;
    }

    fn poll_write_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.outgoing.has_memory() {
            while !self.outgoing.is_empty() {
                match ready!(Pin::new(&mut self.socket).poll_write(cx, self.outgoing.data()))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    n => self.outgoing.consume(n),
                }
            }
            self.pool.give_back(&mut self.outgoing);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.plain.is_empty() {
            let n = this.plain.len().min(buf.remaining());
            buf.put_slice(&this.plain.data()[..n]);
            this.plain.consume(n);
            if this.plain.is_empty() {
                this.plain = Buffer::default();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        loop {
            let standing = this.process(buf, Wish::Nothing);
            // What rustls has to say for itself (an alert, new keys) does not wait for the next reply.
            let flushed = this.poll_write_outgoing(cx);
            let standing = standing?;
            if buf.filled().len() > before || this.has_ended || standing == Standing::Closed {
                return Poll::Ready(Ok(()));
            }
            if let Poll::Ready(Err(error)) = flushed {
                return Poll::Ready(Err(error));
            }
            // Clients leave without a close_notify, too. Nothing is cut by that: the framing of HTTP says what is whole.
            if ready!(this.poll_fill(cx))? == 0 {
                this.has_ended = true;
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// What was taken has left only after a flush.
impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_write_outgoing(cx))?;
        let piece = &buf[..buf.len().min(RECORDS_AT_ONCE * RECORD_BYTES_MAX)];
        if this.process(&mut ReadBuf::new(&mut []), Wish::Say(piece))? != Standing::Open {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        match this.poll_write_outgoing(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(piece.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_write_outgoing(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write_outgoing(cx))?;
        // Said once, however often this is called.
        this.process(&mut ReadBuf::new(&mut []), Wish::End)?;
        ready!(this.poll_write_outgoing(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("socket", &self.socket)
            .field("protocol", &self.protocol().map(<[u8]>::escape_ascii))
            .finish_non_exhaustive()
    }
}

/// Why rustls did not write.
enum Unwritten {
    /// It needs room for so many bytes.
    TooSmall(usize),
    /// These keys have encrypted all that they may.
    Exhausted,
}

/// Appends what rustls writes, however much room that needs.
fn put(
    outgoing: &mut Buffer,
    pool: &Pool,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Unwritten>,
) -> io::Result<()> {
    if !outgoing.has_memory() {
        *outgoing = pool.take();
    }
    let mut wanted = 1;
    loop {
        match write(outgoing.room_for(wanted)) {
            Ok(n) => {
                outgoing.filled(n);
                return Ok(());
            }
            Err(Unwritten::TooSmall(bytes)) if bytes > wanted => wanted = bytes,
            Err(_) => return Err(io::Error::other("rustls does not encrypt")),
        }
    }
}

impl From<EncodeError> for Unwritten {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::InsufficientSize(size) => Self::TooSmall(size.required_size),
            EncodeError::AlreadyEncoded => Self::Exhausted,
        }
    }
}

impl From<EncryptError> for Unwritten {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::InsufficientSize(size) => Self::TooSmall(size.required_size),
            EncryptError::EncryptExhausted => Self::Exhausted,
        }
    }
}
