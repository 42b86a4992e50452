//! A backend that does what the test says. One thread per link reads, so that nothing is missed; the rest is the test's.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use swiftiply_wire::limits::{DATA_MAX, FRAME_PAYLOAD_MAX, WINDOW_DEFAULT};
use swiftiply_wire::{CancelCode, Frame, GoodbyeCode, LinkIndex, StreamId, ToBackend, ToProxy};

use super::arrived::{Writer, text};
use super::dial::Dialled;
use super::{Arrived, Dial, DialError, PATIENCE, Socket};

/// What the proxy said.
#[derive(Debug)]
pub enum Heard {
    Request(Arrived),
    Data { stream: StreamId, data: Vec<u8>, end: bool },
    Trailers { stream: StreamId, headers: Vec<(String, String)> },
    Window { stream: StreamId, credit: u32 },
    Cancel { stream: StreamId, code: CancelCode },
    Ping,
    Pong(u64),
    Drain,
    Goodbye { code: GoodbyeCode, reason: String },
    Closed,
}

/// A backend with all its links.
pub struct Backend {
    dial: Dial,
    links: Vec<Writer>,
    heard: Receiver<(usize, Heard)>,
    tell: Sender<(usize, Heard)>,
    /// Heard, and not asked for yet.
    stash: VecDeque<(usize, Heard)>,
    frozen: Arc<AtomicBool>,
}

impl Backend {
    /// Dials as many links as the proxy wants.
    pub fn dial(dial: Dial) -> Result<Self, DialError> {
        let mut backend = Self::without_links(dial)?;
        let first = backend.dial.link(LinkIndex::First)?;
        let wanted = first.welcome.links;
        backend.attach(first);
        for shard in 1..wanted {
            backend.bring(shard)?;
        }
        Ok(backend)
    }

    fn without_links(dial: Dial) -> Result<Self, DialError> {
        let (tell, heard) = channel();
        Ok(Self { dial, links: Vec::new(), heard, tell, stash: VecDeque::new(), frozen: Arc::default() })
    }

    /// Brings only the link for this shard.
    pub fn only_link(dial: Dial, shard: u16) -> Result<Self, DialError> {
        let mut backend = Self::without_links(dial)?;
        backend.bring(shard)?;
        Ok(backend)
    }

    /// Brings one more link, for this shard. Links are numbered in the order in which they were brought.
    pub fn bring(&mut self, shard: u16) -> Result<(), DialError> {
        let dialled = self.dial.link(LinkIndex::Shard(shard))?;
        assert_eq!(dialled.welcome.shard, shard);
        self.attach(dialled);
        Ok(())
    }

    fn attach(&mut self, dialled: Dialled) {
        let Dialled { socket, early, .. } = dialled;
        let reader = socket.try_clone().expect("a descriptor for a copy");
        let (number, tell, frozen) = (self.links.len(), self.tell.clone(), self.frozen.clone());
        let writer = Writer::new(socket);
        self.links.push(writer.clone());
        thread::spawn(move || listen(reader, early, &writer, number, &tell, &frozen));
    }

    /// The same process, as it would dial again.
    pub fn dial_again(&self) -> Dial {
        self.dial.clone()
    }

    /// The next request, on whichever link.
    pub fn request(&mut self) -> Arrived {
        match self.wait("a request", |heard| matches!(heard, Heard::Request(_))) {
            Heard::Request(arrived) => arrived,
            _ => unreachable!("only requests were asked for"),
        }
    }

    /// The next request, if one comes in this time.
    pub fn request_within(&mut self, time: Duration) -> Option<Arrived> {
        let heard = self.stash.iter().position(|(_, heard)| matches!(heard, Heard::Request(_)));
        let place = heard.or_else(|| {
            self.stash.push_back(self.heard.recv_timeout(time).ok()?);
            Some(self.stash.len() - 1)
        })?;
        match self.stash.remove(place)? {
            (_, Heard::Request(arrived)) => Some(arrived),
            other => {
                self.stash.push_back(other);
                None
            }
        }
    }

    /// The body of this request from where it was last asked for, to its end.
    pub fn body(&mut self, request: &Arrived) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let (data, end) = self.piece(request);
            body.extend_from_slice(&data);
            if end {
                return body;
            }
        }
    }

    /// The next piece of this request's body, and whether it is the last. Trailers stay to be asked for.
    pub fn piece(&mut self, request: &Arrived) -> (Vec<u8>, bool) {
        let (link, wanted) = (request.link, request.stream);
        let piece = self.wait_on("a piece of body", |number, heard| {
            number == link && matches!(heard, Heard::Data { stream, .. } if *stream == wanted)
        });
        match piece {
            Heard::Data { data, end, .. } => (data, end),
            _ => unreachable!("only data was asked for"),
        }
    }

    /// The same, unless the request was cancelled before.
    pub fn piece_unless_cancelled(&mut self, request: &Arrived) -> Option<Vec<u8>> {
        let wanted = request.stream;
        let piece = self.wait("a piece of body or a CANCEL", |heard| match heard {
            Heard::Data { stream, .. } | Heard::Cancel { stream, .. } => *stream == wanted,
            _ => false,
        });
        match piece {
            Heard::Data { data, .. } => Some(data),
            _ => None,
        }
    }

    /// The trailers of this request.
    pub fn trailers(&mut self, request: &Arrived) -> Vec<(String, String)> {
        let wanted = request.stream;
        match self
            .wait("trailers", |heard| matches!(heard, Heard::Trailers { stream, .. } if *stream == wanted))
        {
            Heard::Trailers { headers, .. } => headers,
            _ => unreachable!("only trailers were asked for"),
        }
    }

    /// The body of this request to its end, and its trailers, if it has some.
    pub fn body_and_trailers(&mut self, request: &Arrived) -> (Vec<u8>, Vec<(String, String)>) {
        let wanted = request.stream;
        let mut body = Vec::new();
        loop {
            let piece = self.wait("a piece of body or trailers", |heard| match heard {
                Heard::Data { stream, .. } | Heard::Trailers { stream, .. } => *stream == wanted,
                _ => false,
            });
            match piece {
                Heard::Data { data, end, .. } => {
                    body.extend_from_slice(&data);
                    if end {
                        return (body, Vec::new());
                    }
                }
                Heard::Trailers { headers, .. } => return (body, headers),
                _ => unreachable!("only pieces were asked for"),
            }
        }
    }

    /// Sends this as the reply's body, in pieces, as the proxy grants window for it.
    pub fn send_within_window(&mut self, request: &Arrived, body: &[u8]) {
        let mut credit = WINDOW_DEFAULT as usize;
        let mut left = body;
        while !left.is_empty() {
            if credit == 0 {
                credit += self.credit(request);
            }
            let (piece, rest) = left.split_at(left.len().min(credit).min(DATA_MAX));
            request.data(piece, false);
            credit -= piece.len();
            left = rest;
        }
    }

    /// Sends body as long as the proxy grants window for it, and stops when it grants none although its loop turns: then
    /// the client's system is full. Gives how much that was.
    pub fn send_until_stuck(&mut self, request: &Arrived) -> usize {
        let (mut sent, mut credit) = (0, WINDOW_DEFAULT as usize);
        while credit > 0 {
            let piece = credit.min(DATA_MAX);
            request.data(&vec![b'x'; piece], false);
            (sent, credit) = (sent + piece, credit - piece);
            for _ in 0..50 {
                if credit > 0 {
                    break;
                }
                self.round_trip();
                credit += self.credit_so_far(request);
            }
        }
        sent
    }

    fn credit_so_far(&mut self, request: &Arrived) -> usize {
        let mut credit = 0;
        self.stash.retain(|(_, heard)| match heard {
            Heard::Window { stream, credit: more } if *stream == request.stream => {
                credit += *more as usize;
                false
            }
            _ => true,
        });
        credit
    }

    fn credit(&mut self, request: &Arrived) -> usize {
        let wanted = request.stream;
        match self.wait("window", |heard| matches!(heard, Heard::Window { stream, .. } if *stream == wanted))
        {
            Heard::Window { credit, .. } => credit as usize,
            _ => unreachable!("only window was asked for"),
        }
    }

    /// Why this request was cancelled.
    pub fn cancelled(&mut self, request: &Arrived) -> CancelCode {
        let wanted = request.stream;
        match self
            .wait("a CANCEL", |heard| matches!(heard, Heard::Cancel { stream, .. } if *stream == wanted))
        {
            Heard::Cancel { code, .. } => code,
            _ => unreachable!("only CANCEL was asked for"),
        }
    }

    /// How the proxy took its leave.
    pub fn goodbye(&mut self) -> (GoodbyeCode, String) {
        match self.wait("a GOODBYE", |heard| matches!(heard, Heard::Goodbye { .. })) {
            Heard::Goodbye { code, reason } => (code, reason),
            _ => unreachable!("only GOODBYE was asked for"),
        }
    }

    /// The proxy has asked for a sign of life, and got one.
    pub fn pinged(&mut self) {
        self.wait("a PING", |heard| matches!(heard, Heard::Ping));
    }

    pub fn drained(&mut self) {
        self.wait("a DRAIN", |heard| matches!(heard, Heard::Drain));
    }

    /// The proxy has closed a link.
    pub fn closed(&mut self) {
        self.wait("the end of a link", |heard| matches!(heard, Heard::Closed));
    }

    /// Asserts that nothing that the proxy had to say until now was of this kind: a ping makes sure that all of it
    /// has arrived.
    pub fn has_not_heard(&mut self, what: &str, is_it: impl Fn(&Heard) -> bool) {
        self.round_trip();
        let heard = self.stash.iter().find(|(_, heard)| is_it(heard));
        assert!(heard.is_none(), "{what} came: {heard:?}");
    }

    pub fn has_no_request(&mut self) {
        self.has_not_heard("a request", |heard| matches!(heard, Heard::Request(_)));
    }

    /// Waits until the proxy has done all that was said to it on each link, and all its answers are here.
    pub fn round_trip(&mut self) {
        for number in 0..self.links.len() {
            self.links[number].send(&ToProxy::Ping(4711));
            self.wait_on("a PONG", |link, heard| {
                link == number && matches!(heard, Heard::Pong(4711) | Heard::Closed)
            });
        }
    }

    fn wait(&mut self, what: &str, is_it: impl Fn(&Heard) -> bool) -> Heard {
        self.wait_on(what, |_, heard| is_it(heard))
    }

    fn wait_on(&mut self, what: &str, is_it: impl Fn(usize, &Heard) -> bool) -> Heard {
        if let Some(place) = self.stash.iter().position(|(link, heard)| is_it(*link, heard)) {
            return self.stash.remove(place).expect("it was just found").1;
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok((link, heard)) = self.heard.recv_timeout(left) else {
                panic!("{what} did not come; heard: {:?}", self.stash);
            };
            if is_it(link, &heard) {
                return heard;
            }
            self.stash.push_back((link, heard));
        }
    }

    /// Says something about the whole backend on each link.
    pub fn say_on_each(&self, message: &ToProxy<'_>) {
        self.links.iter().for_each(|link| link.send(message));
    }

    /// Says something on one link.
    pub fn say(&self, link: usize, message: &ToProxy<'_>) {
        self.links[link].send(message);
    }

    /// Any bytes on the first link.
    pub fn say_bytes(&self, bytes: &[u8]) {
        self.links[0].send_bytes(bytes);
    }

    pub fn slots(&self, slots: u16) {
        self.say(0, &ToProxy::Slots(slots));
    }

    pub fn drain(&mut self) {
        self.say_on_each(&ToProxy::Drain);
        self.round_trip();
    }

    pub fn say_goodbye(&self) {
        self.say_on_each(&ToProxy::Goodbye { code: GoodbyeCode::Done, reason: "all is done".into() });
    }

    /// From now on it answers nothing, as if it had been stopped; its sockets stay open.
    pub fn freeze(&self) {
        self.frozen.store(true, Ordering::SeqCst);
    }

    /// Closes one link without a word.
    pub fn cut_link(&self, link: usize) {
        self.links[link].close();
    }

    /// Its sockets close without a word, as when a process is killed.
    pub fn die(self) {}
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.links.iter().for_each(Writer::close);
    }
}

fn listen(
    mut socket: Socket,
    mut incoming: Vec<u8>,
    writer: &Writer,
    link: usize,
    tell: &Sender<(usize, Heard)>,
    frozen: &AtomicBool,
) {
    socket.wait_for_ever();
    let mut piece = vec![0; 64 * 1024];
    loop {
        while let Some((used, frame)) =
            Frame::parse(&incoming, FRAME_PAYLOAD_MAX).expect("the proxy's frames are sound")
        {
            let message = ToBackend::read(frame).expect("the proxy's messages are sound");
            if let ToBackend::Ping(number) = message
                && !frozen.load(Ordering::SeqCst)
            {
                writer.send(&ToProxy::Pong(number));
            }
            if tell.send((link, understand(message, link, writer))).is_err() {
                return;
            }
            incoming.drain(..used);
        }
        match socket.read(&mut piece) {
            Ok(n) if n > 0 => incoming.extend_from_slice(&piece[..n]),
            _ => {
                let _ = tell.send((link, Heard::Closed));
                return;
            }
        }
    }
}

fn understand(message: ToBackend<'_>, link: usize, writer: &Writer) -> Heard {
    match message {
        ToBackend::Request { stream, head, flags } => Heard::Request(Arrived {
            link,
            stream,
            head: head.to_owned_head(),
            flags,
            writer: writer.clone(),
        }),
        ToBackend::Data { stream, data, end } => Heard::Data { stream, data: data.to_vec(), end },
        ToBackend::Trailers { stream, headers } => {
            let headers = headers.iter().map(|(name, value)| (text(name.as_bytes()), text(value)));
            Heard::Trailers { stream, headers: headers.collect() }
        }
        ToBackend::Window { stream, credit } => Heard::Window { stream, credit },
        ToBackend::Cancel { stream, code } => Heard::Cancel { stream, code },
        ToBackend::Ping(_) => Heard::Ping,
        ToBackend::Pong(number) => Heard::Pong(number),
        ToBackend::Drain => Heard::Drain,
        ToBackend::Goodbye { code, reason } => Heard::Goodbye { code, reason },
        other => panic!("{other:?} after the handshake"),
    }
}
