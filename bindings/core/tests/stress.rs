//! Many exchanges of every kind at once: each gets exactly what it asked for, whoever runs it.

mod fake;

use std::collections::HashMap;
use std::time::Duration;

use fake::looped::TestLoop;
use fake::{FakeLink, FakeProxy, Said, join, request, wait};
use swiftiply_connector::{Event, Read, Reply, ReplyHead, Request, StreamKey, Take, ThreadConnector, Wait};
use swiftiply_wire::limits::WINDOW_DEFAULT;
use swiftiply_wire::{Body, CancelCode, RequestFlags, StreamId, ToBackend};

const EXCHANGES: u32 = 8_000;
const IN_FLIGHT: u32 = 24;
/// More than a window, so that grants matter.
const LARGE: usize = WINDOW_DEFAULT as usize + 5_000;

/// What the proxy does with one exchange. The path says it to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A small reply in one call.
    Small,
    /// A body, which comes back as the reply.
    Echo,
    /// A reply in pieces beyond the window.
    Large,
    /// The client leaves.
    Left,
    /// The app drops it.
    Dropped,
}

impl Kind {
    fn of(number: u32) -> Self {
        match number.wrapping_mul(2_654_435_761) >> 24 {
            0..=149 => Self::Small,
            150..=219 => Self::Echo,
            220..=223 => Self::Large,
            224..=239 => Self::Left,
            _ => Self::Dropped,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Small => "/small",
            Self::Echo => "/echo",
            Self::Large => "/large",
            Self::Left => "/left",
            Self::Dropped => "/dropped",
        }
    }
}

/// The proxy's side of one exchange.
struct Running {
    kind: Kind,
    number: u32,
    status: u16,
    body: Vec<u8>,
    left: usize,
}

/// Asks for all of them, at most so many at once, and checks every answer.
fn exercise(link: &mut FakeLink) {
    let mut running: HashMap<StreamId, Running> = HashMap::new();
    for stream in 1..=IN_FLIGHT {
        begin(link, &mut running, stream, stream);
    }
    let mut begun = IN_FLIGHT;
    while !running.is_empty() {
        let said = link.hear();
        let Some(closed) = proceed(link, &mut running, said) else { continue };
        running.remove(&closed);
        if begun < EXCHANGES {
            begun += 1;
            begin(link, &mut running, closed, begun);
        }
    }
}

fn begin(link: &mut FakeLink, running: &mut HashMap<StreamId, Running>, stream: StreamId, number: u32) {
    let kind = Kind::of(number);
    let path = format!("{}/{number}", kind.path());
    if kind == Kind::Echo {
        let body = number.to_string().repeat(50);
        let mut bytes = request(stream, "POST", &path, Body::Unknown, RequestFlags::default());
        let (first, second) = body.as_bytes().split_at(body.len() / 2);
        ToBackend::Data { stream, data: first, end: false }.write(&mut bytes);
        ToBackend::Data { stream, data: second, end: true }.write(&mut bytes);
        link.send_bytes(&bytes);
    } else {
        link.request(stream, "GET", &path);
    }
    if kind == Kind::Left {
        link.send(&ToBackend::Cancel { stream, code: CancelCode::ClientLeft });
    }
    let left = WINDOW_DEFAULT as usize;
    running.insert(stream, Running { kind, number, status: 0, body: Vec::new(), left });
}

/// One message of the backend. Returns the stream that it closes.
fn proceed(link: &mut FakeLink, running: &mut HashMap<StreamId, Running>, said: Said) -> Option<StreamId> {
    match said {
        Said::Started(stream) => {
            assert_eq!(running[&stream].kind, Kind::Echo);
            None
        }
        Said::Reply { stream, status, end, .. } => {
            let exchange = running.get_mut(&stream).expect("a reply to a request");
            assert_eq!(std::mem::replace(&mut exchange.status, status), 0, "one reply");
            end.then(|| check(&running[&stream], stream))
        }
        Said::Data { stream, data, end, .. } => {
            let exchange = running.get_mut(&stream).expect("a reply to a request");
            exchange.left = exchange.left.checked_sub(data.len()).expect("no more than the window");
            exchange.body.extend(&data);
            if exchange.left == 0 {
                exchange.left = 100_000;
                link.grant(stream, 100_000);
            }
            end.then(|| check(&running[&stream], stream))
        }
        Said::Reset { stream, .. } => {
            let exchange = &running[&stream];
            assert!(matches!(exchange.kind, Kind::Left | Kind::Dropped), "{:?}", exchange.kind);
            Some(stream)
        }
        other => panic!("{other:?}"),
    }
}

fn check(exchange: &Running, stream: StreamId) -> StreamId {
    let number = exchange.number;
    let expected = match exchange.kind {
        Kind::Small | Kind::Left => number.to_string().into_bytes(),
        Kind::Echo => number.to_string().repeat(50).into_bytes(),
        Kind::Large => vec![number as u8; LARGE],
        Kind::Dropped => panic!("a reply that nobody gave"),
    };
    assert_eq!(exchange.status, 200);
    assert!(exchange.body == expected, "the reply to {number} is another's");
    stream
}

fn head() -> ReplyHead {
    ReplyHead::new(200).unwrap()
}

/// The path of a request: what it wants, and its number.
fn wanted(request: &Request) -> (String, u32) {
    let path = std::str::from_utf8(request.head().path()).unwrap();
    let (kind, number) = path[1..].split_once('/').unwrap();
    (kind.to_owned(), number.parse().unwrap())
}

/// The app, where it may wait.
fn serve(request: &Request) {
    let (kind, number) = wanted(request);
    let reply = request.reply();
    match &kind[..] {
        "small" | "left" => drop(reply.send(&head(), number.to_string().as_bytes())),
        "echo" => {
            let mut body = Vec::new();
            while let Read::Data(piece) = request.read(100, &wait()) {
                body.extend(piece);
            }
            reply.send(&head(), &body).unwrap();
        }
        "large" => {
            reply.start(&head()).unwrap();
            reply.write(&vec![number as u8; LARGE], &wait()).unwrap();
            reply.finish(None).unwrap();
        }
        _ => {}
    }
}

#[test]
fn threads_serve_many_exchanges_at_once() {
    let proxy = FakeProxy::start();
    let connector = ThreadConnector::start(proxy.options(IN_FLIGHT as u16)).unwrap();
    let mut link = proxy.welcome();
    let threads: Vec<_> = (0..6u64)
        .map(|number| {
            let connector = connector.clone();
            // Some give up waiting all the time, so that leaders leave with nothing.
            let wait = if number < 2 { Wait::at_most(Duration::from_micros(50 * number)) } else { wait() };
            std::thread::spawn(move || {
                loop {
                    match connector.try_take() {
                        Take::Request(request) => serve(&request),
                        Take::Ended => return,
                        _ => match connector.take(&wait) {
                            Take::Request(request) => serve(&request),
                            Take::Nothing => {}
                            Take::Ended => return,
                            other => panic!("{other:?}"),
                        },
                    }
                }
            })
        })
        .collect();
    exercise(&mut link);
    assert_eq!(connector.status().in_flight, 0);
    connector.drain();
    assert_eq!(link.hear(), Said::Drain);
    assert_eq!(link.hear(), Said::Goodbye(String::new()));
    link.close();
    threads.into_iter().for_each(join);
}

/// What the app of a loop remembers of an exchange that goes on.
struct Open {
    request: Request,
    body: Vec<u8>,
    /// Bytes of `body` that are written; reading still if there are none to write.
    written: Option<usize>,
}

impl Open {
    /// Goes on as far as it can. Returns whether it is done.
    fn proceed(&mut self) -> bool {
        let reply: Reply = self.request.reply();
        if let Some(written) = &mut self.written {
            *written += reply.try_write(&self.body[*written..]).unwrap();
            let done = *written == self.body.len();
            if done {
                reply.finish(None).unwrap();
            }
            return done;
        }
        loop {
            match self.request.try_read(100) {
                Read::Data(piece) => self.body.extend(piece),
                Read::Nothing => return false,
                Read::End => {
                    reply.send(&head(), &self.body).unwrap();
                    return true;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The app of a loop. Returns what goes on.
fn begin_to_serve(request: Request) -> Option<Open> {
    let (kind, number) = wanted(&request);
    let mut open = match &kind[..] {
        "small" | "left" => {
            let _ = request.reply().send(&head(), number.to_string().as_bytes());
            return None;
        }
        "echo" => Open { request, body: Vec::new(), written: None },
        "large" => {
            request.reply().start(&head()).unwrap();
            Open { request, body: vec![number as u8; LARGE], written: Some(0) }
        }
        _ => return None,
    };
    (!open.proceed()).then_some(open)
}

#[test]
fn a_loop_serves_many_exchanges_at_once() {
    let proxy = FakeProxy::start();
    let mut looped = TestLoop::start(proxy.options(IN_FLIGHT as u16));
    let mut link = proxy.welcome();
    let proxy_side = std::thread::spawn(move || {
        exercise(&mut link);
        link.close();
    });
    let mut open: HashMap<StreamKey, Open> = HashMap::new();
    while looped.connector.status().connected == 0 {
        looped.turn();
    }
    while looped.connector.status().connected == 1 {
        looped.turn();
        for event in std::mem::take(&mut looped.events) {
            match event {
                Event::Request(request) => {
                    let key = request.key();
                    open.extend(begin_to_serve(request).map(|begun| (key, begun)));
                }
                Event::Readable(key) | Event::Writable(key) => {
                    if open.get_mut(&key).is_some_and(Open::proceed) {
                        open.remove(&key);
                    }
                }
                Event::Disconnected(_) | Event::Notice(_) | Event::Ended => {}
            }
        }
        looped.connector.flush();
    }
    assert!(open.is_empty());
    join(proxy_side);
}
