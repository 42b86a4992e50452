//! A client of good manners: that of the h2 crate, on a thread of its own. Its calls wait.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::thread::JoinHandle;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http_types::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::support::{PATIENCE, TlsDial};

/// One connection.
pub struct Http2 {
    handle: Handle,
    requests: SendRequest<Bytes>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// One request and its reply.
pub struct Stream {
    handle: Handle,
    reply: ResponseFuture,
    body: Option<RecvStream>,
    sending: SendStream<Bytes>,
}

/// All of a reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: HeaderMap,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("these tests speak ASCII")
    }
}

impl Http2 {
    pub fn connect(address: SocketAddr) -> Self {
        Self::connect_as(address, Builder::new())
    }

    pub fn connect_as(address: SocketAddr, builder: Builder) -> Self {
        Self::speak(builder, async move {
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            Ok(socket)
        })
    }

    /// Within TLS, by ALPN.
    pub fn connect_secure(dial: &TlsDial) -> Self {
        let dial = dial.change(|config| config.alpn_protocols = vec![b"h2".to_vec()]);
        Self::speak(Builder::new(), async move {
            let socket = TcpStream::connect(dial.address).await?;
            socket.set_nodelay(true)?;
            let name = dial.name.clone().try_into().expect("a name");
            let stream = TlsConnector::from(dial.config).connect(name, socket).await?;
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            Ok(stream)
        })
    }

    fn speak<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        builder: Builder,
        socket: impl Future<Output = io::Result<S>> + Send + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        let (stop, mut stopped) = oneshot::channel();
        let (told, requests) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let socket = socket.await.expect("the proxy listens");
                let (requests, connection) = builder.handshake(socket).await.expect("an HTTP/2 connection");
                told.send(requests).expect("the test waits");
                tokio::select! {
                    _ = &mut stopped => return,
                    _ = connection => {}
                }
                // Its streams may still be asked how they ended.
                let _ = stopped.await;
            });
        });
        let requests = requests.recv_timeout(PATIENCE).expect("an HTTP/2 connection");
        Self { handle, requests, stop: Some(stop), thread: Some(thread) }
    }

    /// Sends a head; its body follows unless `is_end`.
    pub fn send(&self, request: Request<()>, is_end: bool) -> Stream {
        self.try_send(request, is_end).expect("a stream")
    }

    pub fn try_send(&self, request: Request<()>, is_end: bool) -> Result<Stream, h2::Error> {
        let mut requests = wait(&self.handle, self.requests.clone().ready())?;
        let (reply, sending) = requests.send_request(request, is_end)?;
        Ok(Stream { handle: self.handle.clone(), reply, body: None, sending })
    }

    pub fn get(&self, path: &str) -> Stream {
        self.send(request("GET", path), true)
    }

    pub fn post(&self, path: &str) -> Stream {
        self.send(request("POST", path), false)
    }

    /// An extended CONNECT, once the server has said that it takes them.
    pub fn open_websocket(&self, path: &str) -> Stream {
        wait(
            &self.handle,
            poll_fn(|cx| {
                if self.requests.is_extended_connect_protocol_enabled() {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }),
        );
        let mut request = request("CONNECT", path);
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        request.headers_mut().insert("sec-websocket-version", "13".parse().expect("a value"));
        self.send(request, false)
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub fn request(method: &str, path: &str) -> Request<()> {
    let request = Request::builder().method(method).uri(format!("http://app.test{path}"));
    request.body(()).expect("a request")
}

impl Stream {
    /// The next informational reply.
    pub fn informational(&mut self) -> Response<()> {
        let next = poll_fn(|cx| self.reply.poll_informational(cx));
        wait(&self.handle, next).expect("an informational reply").expect("no error")
    }

    pub fn head(&mut self) -> Response<()> {
        self.try_head().expect("a reply")
    }

    pub fn try_head(&mut self) -> Result<Response<()>, h2::Error> {
        let (head, body) = wait(&self.handle, &mut self.reply)?.into_parts();
        self.body = Some(body);
        Ok(Response::from_parts(head, ()))
    }

    /// The next piece of the reply's body; none at its end.
    pub fn piece(&mut self) -> Option<Bytes> {
        self.try_piece().map(|piece| piece.expect("no error"))
    }

    pub fn try_piece(&mut self) -> Option<Result<Bytes, h2::Error>> {
        let body = self.body.as_mut().expect("a reply has begun");
        loop {
            let piece = wait(&self.handle, body.data());
            match &piece {
                // The end may come as a frame of its own.
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) => body.flow_control().release_capacity(piece.len()).expect("it came"),
                _ => {}
            }
            return piece;
        }
    }

    pub fn trailers(&mut self) -> HeaderMap {
        let body = self.body.as_mut().expect("a reply has begun");
        wait(&self.handle, body.trailers()).expect("no error").unwrap_or_default()
    }

    pub fn reply(&mut self) -> Reply {
        self.try_reply().expect("a reply")
    }

    pub fn try_reply(&mut self) -> Result<Reply, h2::Error> {
        let (head, ()) = self.try_head()?.into_parts();
        let mut body = Vec::new();
        while let Some(piece) = self.try_piece() {
            body.extend_from_slice(&piece?);
        }
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body, trailers: self.trailers() })
    }

    /// As the proxy's windows allow.
    pub fn send(&mut self, data: &[u8], is_end: bool) {
        self.try_send(data, is_end).expect("an open stream");
    }

    pub fn try_send(&mut self, data: &[u8], is_end: bool) -> Result<(), h2::Error> {
        let mut data = Bytes::copy_from_slice(data);
        loop {
            self.sending.reserve_capacity(data.len());
            while !data.is_empty() && self.sending.capacity() == 0 {
                let more = wait(&self.handle, poll_fn(|cx| self.sending.poll_capacity(cx)));
                more.ok_or(Reason::STREAM_CLOSED)??;
            }
            let piece = data.split_to(data.len().min(self.sending.capacity()));
            self.sending.send_data(piece, is_end && data.is_empty())?;
            if data.is_empty() {
                return Ok(());
            }
        }
    }

    /// How much of `wanted` bytes the proxy would take now, once it takes any.
    pub fn room(&mut self, wanted: usize) -> usize {
        self.sending.reserve_capacity(wanted);
        if self.sending.capacity() == 0 {
            let more = wait(&self.handle, poll_fn(|cx| self.sending.poll_capacity(cx)));
            more.expect("an open stream").expect("no error");
        }
        self.sending.capacity()
    }

    pub fn send_trailers(&mut self, name: &'static str, value: &'static str) {
        let trailers =
            HeaderMap::from_iter([(name.parse().expect("a name"), value.parse().expect("a value"))]);
        self.sending.send_trailers(trailers).expect("an open stream");
    }

    pub fn reset(&mut self) {
        self.sending.send_reset(Reason::CANCEL);
    }
}

fn wait<T>(handle: &Handle, event: impl Future<Output = T>) -> T {
    handle.block_on(async { timeout(PATIENCE, event).await }).expect("it comes in time")
}
