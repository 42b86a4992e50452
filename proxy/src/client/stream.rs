//! The socket under a client's connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use swiftiply_wire::Scheme;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::tls::{self, TlsStream};

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
        let socket = match &self {
            Self::Tcp(socket) => socket,
            Self::Tls(stream) => stream.socket(),
        };
        // Without it the socket closes in order; the framing of a cut reply mostly shows the cut in any case.
        let _ = socket.set_zero_linger();
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
