//! The socket under a client's connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use swiftiply_wire::Scheme;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::tls::{self, TlsStream};

/// How long the client of a tunnel is silent before the system asks whether it is still there, and how long it has for
/// each answer. One that vanished without a word (its battery is flat, its network has forgotten it) is so noticed within
/// 90 s, where the system's own two hours would keep its tunnel and its place in the app; and a minute is less than what
/// most NATs take to forget a silent connection that lives.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Questions without an answer until the client is gone: that many packets in a row are hardly lost by chance.
const KEEPALIVE_PROBES: u32 = 3;

/// A connected client.
#[derive(Debug)]
pub enum ClientStream {
    /// Its bytes are HTTP.
    Tcp(TcpStream),
    /// Its bytes are HTTP within TLS, whose handshake is over.
    Tls(Box<TlsStream>),
}

impl ClientStream {
    /// How the client's URLs begin.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Tcp(_) => Scheme::Http,
            Self::Tls(_) => Scheme::Https,
        }
    }

    /// Whether the client asked for HTTP/2 when TLS began.
    pub fn chose_http2(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            Self::Tls(stream) => stream.protocol() == Some(tls::HTTP2),
        }
    }

    /// Bytes that were written and have not left yet; they do with a flush.
    pub fn unsent(&self) -> usize {
        match self {
            Self::Tcp(_) => 0,
            Self::Tls(stream) => stream.unsent(),
        }
    }

    /// Before an orderly end for which nobody waits.
    pub fn say_goodbye(&mut self) {
        match self {
            Self::Tcp(_) => {}
            Self::Tls(stream) => stream.say_goodbye(),
        }
    }

    /// Closes so that nobody takes what was sent for whole: by a reset, and in TLS without a goodbye.
    pub fn cut(self) {
        // Without it the socket closes in order; the framing of a cut reply mostly shows the cut in any case.
        let _ = self.socket().set_zero_linger();
    }

    /// Has the system ask a silent client for a sign of life.
    pub fn keep_alive(&self) {
        let often = TcpKeepalive::new()
            .with_time(KEEPALIVE_IDLE)
            .with_interval(KEEPALIVE_INTERVAL)
            .with_retries(KEEPALIVE_PROBES);
        // Where the system refuses, a client that vanishes is noticed when something is sent to it.
        let _ = SockRef::from(self.socket()).set_tcp_keepalive(&often);
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Tcp(socket) => socket,
            Self::Tls(stream) => stream.socket(),
        }
    }
}

impl AsyncRead for ClientStream {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for ClientStream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, buf),
        }
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}
