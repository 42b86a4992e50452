//! Connections that an app was handed: one end of a socket pair is the app's, and one thread moves bytes between the other
//! end and the exchange, for all of them. So whatever speaks to a file descriptor (an event loop of the language's own,
//! a thread that waits in a read) speaks to the client.
//!
//! Back-pressure is that of both sides: nothing is read from the app while the window takes nothing, and nothing from the
//! link while the app does not read.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use crate::{Error, RawReply, Read, Request};

/// Bytes moved at once, in either direction: what a socket of this kind holds is some 200 KiB.
const PIECE_BYTES: usize = 64 * 1024;

/// The epoll data of the bell. Exchanges count up from 1.
const BELL: u64 = 0;

/// Descriptors that one look can find ready; the others are found by the next.
const READY_MAX: usize = 64;

/// What wakes the pump's thread: news of exchanges, new connections, or the end.
pub(crate) struct Bell {
    fd: OwnedFd,
    state: Mutex<Rung>,
}

#[derive(Default)]
struct Rung {
    /// The exchanges that are pumped.
    keys: HashSet<u64>,
    news: Vec<u64>,
    new: Vec<(u64, Connection)>,
    is_closed: bool,
}

impl Bell {
    /// Something happened to an exchange. Most are not pumped.
    pub(crate) fn news(&self, key: u64) {
        let mut rung = self.lock();
        if rung.keys.contains(&key) {
            rung.news.push(key);
            drop(rung);
            self.ring();
        }
    }

    /// The connector is gone.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.ring();
    }

    fn ring(&self) {
        // It fails only when it is rung already.
        let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
    }

    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a thread that pumps.
pub(crate) fn start() -> Result<Arc<Bell>, Error> {
    let refused = |what| move |said: Errno| Error::System { what, said: said.to_string() };
    let fd =
        eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(refused("event descriptor"))?;
    let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(refused("epoll descriptor"))?;
    epoll::add(&epoll, &fd, EventData::new_u64(BELL), EventFlags::IN)
        .map_err(refused("place in an epoll set"))?;
    let bell = Arc::new(Bell { fd, state: Mutex::default() });
    let pump =
        Pump { epoll, bell: Arc::clone(&bell), connections: HashMap::new(), buffer: vec![0; PIECE_BYTES] };
    std::thread::Builder::new()
        .name("swiftiply-pump".into())
        .spawn(move || pump.run())
        .map_err(|error| Error::System { what: "thread", said: error.to_string() })?;
    Ok(bell)
}

/// Hands an exchange over: gives the app's end of the pair.
pub(crate) fn hand_over(bell: &Bell, request: Request, raw: RawReply) -> Result<OwnedFd, Error> {
    let refused = |error: io::Error| Error::System { what: "socket pair", said: error.to_string() };
    let (ours, theirs) = UnixStream::pair().map_err(refused)?;
    ours.set_nonblocking(true).map_err(refused)?;
    let key = request.key().as_u64();
    let mut rung = bell.lock();
    rung.keys.insert(key);
    rung.new.push((key, Connection::new(request, raw, ours)));
    drop(rung);
    bell.ring();
    Ok(theirs.into())
}

struct Pump {
    epoll: OwnedFd,
    bell: Arc<Bell>,
    connections: HashMap<u64, Connection>,
    buffer: Vec<u8>,
}

impl Pump {
    fn run(mut self) {
        loop {
            let mut room = [const { MaybeUninit::<Event>::uninit() }; READY_MAX];
            // An error is a signal.
            let Ok((ready, _)) = epoll::wait(&self.epoll, &mut room[..], None) else { continue };
            let mut due: Vec<u64> =
                ready.iter().map(|event| event.data.u64()).filter(|&key| key != BELL).collect();
            if self.hear(&mut due) {
                return;
            }
            due.sort_unstable();
            due.dedup();
            for key in due {
                self.serve(key);
            }
        }
    }

    /// What the bell was rung for; whether all is over.
    fn hear(&mut self, due: &mut Vec<u64>) -> bool {
        let _ = rustix::io::read(&self.bell.fd, &mut [0; 8]);
        let mut rung = self.bell.lock();
        due.append(&mut rung.news);
        let new = std::mem::take(&mut rung.new);
        let is_closed = rung.is_closed;
        drop(rung);
        for (key, connection) in new {
            self.connections.insert(key, connection);
            due.push(key);
        }
        is_closed
    }

    fn serve(&mut self, key: u64) {
        let Some(connection) = self.connections.get_mut(&key) else { return };
        if connection.move_bytes(&mut self.buffer) {
            return connection.watch(&self.epoll, key);
        }
        self.bell.lock().keys.remove(&key);
        // Its socket leaves the set with its descriptor.
        self.connections.remove(&key);
    }
}

struct Connection {
    request: Request,
    raw: RawReply,
    socket: UnixStream,
    watches: EventFlags,
    to_app: Vec<u8>,
    to_client: Vec<u8>,
    /// The client has said its last in the tunnel, and the app knows.
    is_heard: bool,
}

impl Connection {
    fn new(request: Request, raw: RawReply, socket: UnixStream) -> Self {
        let watches = EventFlags::empty();
        Self { request, raw, socket, watches, to_app: Vec::new(), to_client: Vec::new(), is_heard: false }
    }

    /// Moves what can be moved; false when all is over.
    fn move_bytes(&mut self, buffer: &mut [u8]) -> bool {
        self.hear_app(buffer) && self.hear_client()
    }

    /// Waits for the socket, as far as anything waits there; the link's side rings. A socket that is not waited for is
    /// not in the set, which would tell of its end again and again.
    fn watch(&mut self, epoll: &OwnedFd, key: u64) {
        let mut wanted = EventFlags::empty();
        wanted.set(EventFlags::IN, self.to_client.is_empty());
        wanted.set(EventFlags::OUT, !self.to_app.is_empty());
        let before = std::mem::replace(&mut self.watches, wanted);
        let (socket, data) = (self.socket.as_fd(), EventData::new_u64(key));
        // The descriptors are right, so these can fail only for want of kernel memory; then the client waits in vain.
        let _ = match (before.is_empty(), wanted.is_empty()) {
            _ if before == wanted => Ok(()),
            (true, _) => epoll::add(epoll, socket, data, wanted),
            (_, true) => epoll::delete(epoll, socket),
            _ => epoll::modify(epoll, socket, data, wanted),
        };
    }

    fn hear_app(&mut self, buffer: &mut [u8]) -> bool {
        loop {
            if !self.to_client.is_empty() {
                match self.raw.try_write(&self.to_client) {
                    Ok(taken) => drop(self.to_client.drain(..taken)),
                    Err(_) => return false,
                }
                if !self.to_client.is_empty() {
                    return !self.request.is_disconnected();
                }
            }
            match self.socket.read(buffer) {
                Ok(0) => {
                    let _ = self.raw.finish();
                    return false;
                }
                Ok(n) => self.to_client.extend_from_slice(&buffer[..n]),
                Err(error) if is_passing(&error) => return true,
                Err(_) => {
                    let _ = self.raw.finish();
                    return false;
                }
            }
        }
    }

    fn hear_client(&mut self) -> bool {
        loop {
            if !self.to_app.is_empty() {
                match self.socket.write(&self.to_app) {
                    Ok(n) => drop(self.to_app.drain(..n)),
                    Err(error) if is_passing(&error) => return true,
                    // The app has closed: what it said last is read above, next time.
                    Err(_) => self.to_app.clear(),
                }
                continue;
            }
            // What is upgraded says nothing before the 101.
            if self.is_heard || (self.request.offers_upgrade() && !self.raw.is_tunnel()) {
                return !self.request.is_disconnected();
            }
            match self.request.try_read(PIECE_BYTES) {
                Read::Data(data) => self.to_app = data,
                Read::Nothing | Read::Interrupted => return true,
                Read::End => {
                    self.is_heard = true;
                    // A body that is whole does not mean that its client has left.
                    if self.raw.is_tunnel() {
                        let _ = self.socket.shutdown(Shutdown::Write);
                    }
                }
                Read::Failed(_) => return false,
            }
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
