//! The socket under a link: TCP, or a Unix socket on the same host.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected link socket.
#[derive(Debug)]
pub enum LinkStream {
    /// From another host, or from this one over loopback.
    Tcp(TcpStream),
    /// From this host.
    Unix(UnixStream),
}

/// The same between two runtimes: the one that accepted it, and the shard that keeps it.
#[derive(Debug)]
pub enum DetachedStream {
    /// See [`LinkStream::Tcp`].
    Tcp(std::net::TcpStream),
    /// See [`LinkStream::Unix`].
    Unix(std::os::unix::net::UnixStream),
}

impl LinkStream {
    /// Takes the socket out of its runtime.
    ///
    /// # Errors
    /// The system's, if the socket cannot be deregistered.
    pub fn detach(self) -> io::Result<DetachedStream> {
        Ok(match self {
            Self::Tcp(stream) => DetachedStream::Tcp(stream.into_std()?),
            Self::Unix(stream) => DetachedStream::Unix(stream.into_std()?),
        })
    }

    /// Closes so that what has not left this machine never arrives: requests that were replayed, or answered 502, would
    /// else run when a network that swallowed them works again. (A Unix socket has handed over what was written.)
    pub fn cut(self) {
        if let Self::Tcp(stream) = &self {
            // Without it the system goes on sending for minutes; the backend's answers then find nobody.
            let _ = stream.set_zero_linger();
        }
    }
}

impl DetachedStream {
    /// Puts the socket into the runtime that calls this.
    ///
    /// # Errors
    /// The system's, if the socket cannot be registered.
    pub fn attach(self) -> io::Result<LinkStream> {
        Ok(match self {
            Self::Tcp(stream) => LinkStream::Tcp(TcpStream::from_std(stream)?),
            Self::Unix(stream) => LinkStream::Unix(UnixStream::from_std(stream)?),
        })
    }
}

impl AsyncRead for LinkStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for LinkStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
