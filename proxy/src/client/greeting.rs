//! What comes before a client's first request: a header of the PROXY protocol, where proxies in front send one, and the
//! handshake of TLS.
//!
//! It has a task of its own, which ends with it: an idle client does not pay for what happened at its beginning.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::connection::Connection;
use super::stream::ClientStream;
use super::{Arrival, Own, refuse, serve};
use crate::acme::CHALLENGE_PROTOCOL;
use crate::buffer::Buffer;
use crate::proxy_protocol::{self, HEADER_BYTES_MAX, Malformed, Told};
use crate::resources::Peer;
use crate::shard::{Connected, Shard, Turn};
use crate::tls::TlsStream;

const NOT_TLS: Own =
    Own::new(400, "A plain HTTP request came to a port that speaks TLS; use https:// instead.");

/// What clients do before they speak HTTP at an address, if anything.
#[derive(Debug, Clone, Default)]
pub struct Entrance {
    /// They shake hands.
    pub tls: Option<Arc<ServerConfig>>,
    /// A proxy in front says who they are.
    pub proxy_protocol: bool,
}

/// A client that has just come to such an address.
#[derive(Debug)]
pub struct Newcomer {
    /// Its socket.
    pub socket: TcpStream,
    /// Its address.
    pub peer: SocketAddr,
    /// Where it connected to.
    pub local: Option<Rc<SocketAddr>>,
}

/// Hears what a newcomer has to say first, and begins to serve it.
pub fn greet(
    shard: &Rc<Shard>,
    entrance: Entrance,
    newcomer: Newcomer,
    connected: Connected,
) -> impl Future<Output = ()> + use<> {
    let greeting = Greeting::new(shard.clone(), newcomer);
    async move {
        let (shard, peer) = (greeting.shard.clone(), greeting.newcomer.peer);
        match greeting.hear(entrance).await {
            Ok(arrival) => drop(spawn_local(serve(&shard, arrival, connected))),
            Err(Unwelcome::Plain(arrival)) => {
                let mut connection = Connection::new(shard, *arrival, connected);
                connection.begin().await;
                refuse(&mut connection, NOT_TLS).await;
                connection.close().await;
            }
            Err(reason) => report(&shard, peer, &reason),
        }
    }
}

struct Greeting {
    shard: Rc<Shard>,
    newcomer: Newcomer,
    /// Read and not used yet.
    incoming: Buffer,
    turn: Turn,
}

/// Why a newcomer is not served.
enum Unwelcome {
    /// It left, or was too slow.
    Gone(io::Error),
    /// It is not among `trusted_proxies`, where only these may connect.
    Untrusted,
    Malformed(Malformed),
    /// With it no handshake is possible.
    Tls(io::Error),
    /// It speaks HTTP where TLS is spoken.
    Plain(Box<Arrival>),
}

impl Greeting {
    fn new(shard: Rc<Shard>, newcomer: Newcomer) -> Self {
        let turn = shard.take_turn();
        Self { shard, newcomer, incoming: Buffer::default(), turn }
    }

    async fn hear(mut self, entrance: Entrance) -> Result<Arrival, Unwelcome> {
        poll_fn(|cx| {
            self.turn.wake(cx);
            Poll::Ready(())
        })
        .await;
        if entrance.proxy_protocol {
            self.hear_proxy().await?;
        }
        match entrance.tls {
            Some(config) => self.shake_hands(config).await,
            None => Ok(self.arrival()),
        }
    }

    /// A header of the PROXY protocol, from whom it may come.
    async fn hear_proxy(&mut self) -> Result<(), Unwelcome> {
        let peer = self.newcomer.peer.ip();
        if !self.shard.directory().config().trusted_proxies.iter().any(|network| network.contains(peer)) {
            return Err(Unwelcome::Untrusted);
        }
        let told = poll_fn(|cx| -> Poll<Result<Told, Unwelcome>> {
            loop {
                if let Some((used, told)) = proxy_protocol::parse(self.incoming.data())? {
                    self.incoming.consume(used);
                    return Poll::Ready(Ok(told));
                }
                ready!(self.poll_fill(cx, HEADER_BYTES_MAX))?;
            }
        });
        if let Told::Client { peer, local } = told.await? {
            self.newcomer.peer = peer;
            self.newcomer.local = Some(Rc::new(local));
        }
        Ok(())
    }

    async fn shake_hands(mut self, config: Arc<ServerConfig>) -> Result<Arrival, Unwelcome> {
        while self.incoming.is_empty() {
            poll_fn(|cx| self.poll_fill(cx, HEADER_BYTES_MAX)).await?;
        }
        // TLS begins with the byte 22; a request with a letter.
        if self.incoming.data()[0].is_ascii_alphabetic() {
            return Err(Unwelcome::Plain(Box::new(self.arrival())));
        }
        let Self { shard, newcomer: Newcomer { socket, peer, local }, mut incoming, turn } = self;
        let tls = TlsStream::new(socket, incoming.data(), config, &shard.tls_buffers);
        let mut stream = Box::new(tls.map_err(Unwelcome::Tls)?);
        incoming.consume(incoming.len());
        shard.client_buffers.give_back(&mut incoming);
        let handshake = poll_fn(|cx| match stream.poll_handshake(cx) {
            Poll::Pending if turn.is_over(shard.now()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            other => other,
        });
        let outcome = handshake.await;
        // All that an authority wants is the certificate.
        if stream.protocol() == Some(CHALLENGE_PROTOCOL) {
            stream.say_goodbye();
            return Err(Unwelcome::Gone(io::ErrorKind::UnexpectedEof.into()));
        }
        match outcome {
            Ok(()) => {
                Ok(Arrival { stream: ClientStream::Tls(stream), early: Buffer::default(), peer, local })
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Unwelcome::Tls(error)),
            Err(error) => Err(Unwelcome::Gone(error)),
        }
    }

    /// Reads more, of at most so many bytes in all.
    fn poll_fill(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<(), Unwelcome>> {
        if !self.incoming.has_memory() {
            self.incoming = self.shard.client_buffers.take();
        }
        let room = self.incoming.room(max);
        let mut room = ReadBuf::new(room);
        let outcome = Pin::new(&mut self.newcomer.socket).poll_read(cx, &mut room);
        let n = room.filled().len();
        self.incoming.filled(n);
        if self.incoming.is_empty() {
            self.shard.client_buffers.give_back(&mut self.incoming);
        }
        match outcome {
            Poll::Ready(Ok(())) if n == 0 => {
                Poll::Ready(Err(Unwelcome::Gone(io::ErrorKind::UnexpectedEof.into())))
            }
            Poll::Ready(outcome) => Poll::Ready(outcome.map_err(Unwelcome::Gone)),
            Poll::Pending if self.turn.is_over(self.shard.now()) || self.is_unwanted() => {
                Poll::Ready(Err(Unwelcome::Gone(io::ErrorKind::TimedOut.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whether it has not begun when the proxy goes down: nobody waits for that.
    fn is_unwanted(&self) -> bool {
        self.incoming.is_empty() && self.shard.is_draining()
    }

    /// What it has said beyond the greeting is the beginning of its first request.
    fn arrival(self) -> Arrival {
        let Newcomer { socket, peer, local } = self.newcomer;
        Arrival { stream: ClientStream::Tcp(socket), early: self.incoming, peer, local }
    }
}

fn report(shard: &Shard, peer: SocketAddr, reason: &Unwelcome) {
    let is_worth_a_line = matches!(reason, Unwelcome::Untrusted | Unwelcome::Malformed(_));
    if is_worth_a_line && shard.resources.complaints.allows(Peer::Address(peer.ip())) {
        tracing::warn!("client {peer} was turned away: {reason}");
    } else {
        // Ports that face the internet see such clients all day.
        tracing::debug!("client {peer} was turned away: {reason}");
    }
}

impl From<Malformed> for Unwelcome {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl fmt::Display for Unwelcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(error) => write!(f, "it said nothing whole before its first request: {error}"),
            Self::Untrusted => {
                f.write_str("only `trusted_proxies` may connect to an address of `proxy_protocol`")
            }
            Self::Malformed(malformed) => write!(f, "{malformed}"),
            Self::Tls(error) => write!(f, "no handshake is possible: {error}"),
            Self::Plain(_) => f.write_str("it speaks HTTP where TLS is spoken"),
        }
    }
}
