//! Backends on links, through the connector that the adapters have.

use std::collections::HashMap;

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use swiftiply_connector::{Event, LoopConnector, Options, Read, Reply, ReplyHead, Request, StreamKey};

use crate::wish::Wish;

/// The most that is asked of a request's body at once; it is thrown away.
const READ_BYTES: usize = 64 * 1024;
/// The most that is given of a long reply's body at once.
const WRITE_BYTES: usize = 64 * 1024;
const EVENTS_MAX: usize = 512;

/// What one process of ours is.
pub struct Shape {
    /// Requests that each backend runs at once.
    pub slots: u16,
    /// Backends in this process: each dials for itself, and to the proxy they are as many processes.
    pub backends: usize,
}

/// Serves the proxy at `address` until it is told to end.
pub fn serve(address: &str, body: &[u8], shape: &Shape) -> Result<(), String> {
    let address: swiftiply_connector::Address =
        address.parse().map_err(|error| format!("{address}: {error}"))?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| error.to_string())?;
    let mut backends = Vec::with_capacity(shape.backends);
    for number in 0..shape.backends {
        let options = Options {
            connect: vec![address.clone()],
            slots: shape.slots,
            adapter: "bench".into(),
            ..Options::default()
        };
        let connector = LoopConnector::start(options).map_err(|error| error.to_string())?;
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&epoll, connector.descriptor(), data, epoll::EventFlags::IN)
            .map_err(|error| error.to_string())?;
        backends.push(Backend { connector, head: head(body.len() as u64), body, open: HashMap::new() });
    }
    let (mut ready, mut events) = (Vec::with_capacity(EVENTS_MAX), Vec::new());
    loop {
        ready.clear();
        epoll::wait(&epoll, spare_capacity(&mut ready), None).map_err(|error| error.to_string())?;
        for event in &ready {
            if !backends[event.data.u64() as usize].turn(&mut events)? {
                return Ok(());
            }
        }
    }
}

fn head(length: u64) -> ReplyHead {
    let mut head = ReplyHead::new(200).expect("200 is a status");
    head.push(b"content-type", b"text/plain").expect("a plain header");
    head.push(b"content-length", length.to_string().as_bytes()).expect("a plain header");
    head
}

struct Backend<'a> {
    connector: LoopConnector,
    head: ReplyHead,
    body: &'a [u8],
    open: HashMap<StreamKey, Open>,
}

/// An exchange that takes more than one turn.
enum Open {
    /// The request's body is still on its way.
    Reading(Request),
    /// So many bytes of the reply are still to be written.
    Writing(Reply, u64),
}

impl Backend<'_> {
    /// False at the end.
    fn turn(&mut self, events: &mut Vec<Event>) -> Result<bool, String> {
        self.connector.turn(events).map_err(|error| error.to_string())?;
        for event in events.drain(..) {
            match event {
                Event::Request(request) => self.read(request),
                Event::Readable(key) | Event::Writable(key) => match self.open.remove(&key) {
                    Some(Open::Reading(request)) => self.read(request),
                    Some(Open::Writing(reply, left)) => self.write(key, reply, left),
                    None => {}
                },
                Event::Disconnected(key) => drop(self.open.remove(&key)),
                Event::Notice(notice) => eprintln!("{}", notice.text),
                Event::Ended => return Ok(false),
            }
        }
        self.connector.flush();
        Ok(true)
    }

    /// Replies once the body is whole, as an app would that reads it.
    fn read(&mut self, request: Request) {
        loop {
            match request.try_read(READ_BYTES) {
                Read::Data(_) => {}
                Read::End => break,
                Read::Nothing => {
                    self.open.insert(request.key(), Open::Reading(request));
                    return;
                }
                Read::Failed(_) | Read::Interrupted => return,
            }
        }
        self.reply(&request);
    }

    /// A client that left needs nothing, so that no call's failure matters.
    fn reply(&mut self, request: &Request) {
        let wish = Wish::of(request.head().path());
        wish.wait();
        match wish.bytes {
            // Shorter than the link's window, so one call takes all of it.
            None => drop(request.reply().send(&self.head, self.body)),
            Some(bytes) => {
                if request.reply().start(&head(bytes)).is_ok() {
                    self.write(request.key(), request.reply(), bytes);
                }
            }
        }
    }

    fn write(&mut self, key: StreamKey, reply: Reply, mut left: u64) {
        static PIECE: [u8; WRITE_BYTES] = [b'x'; WRITE_BYTES];
        while left > 0 {
            let piece = &PIECE[..left.min(WRITE_BYTES as u64) as usize];
            let Ok(written) = reply.try_write(piece) else { return };
            left -= written as u64;
            if written < piece.len() {
                self.open.insert(key, Open::Writing(reply, left));
                return;
            }
        }
        let _ = reply.finish(None);
    }
}
