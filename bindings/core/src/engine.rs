//! What both drivers share: the connector behind its lock, the sockets, and moving bytes between the two.
//!
//! The lock is held for bookkeeping only, never across a system call that moves bytes. At most one thread reads at a
//! time; which one is the driver's business. Any thread sends, but on one link only one at a time.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::connector::{Connector, Dial, Identity, LinkId};
use crate::driver::Forked;
use crate::fork::Process;
use crate::limits::{READ_MAX, READS_PER_TURN_MAX};
use crate::socket::{Batch, Sockets};
use crate::{Error, Options, dial};

/// The epoll data of what is no link. Links count up from 1.
const POKE: u64 = 0;
/// The same for the loop's timer.
pub(crate) const TIMER: u64 = u64::MAX;

/// Descriptors that one look at the links can find ready; the others are found by the next.
const READY_MAX: usize = 64;

/// `S`: what the driver keeps under the same lock.
pub(crate) struct Engine<S> {
    /// The one that it was started in.
    process: Process,
    epoll: Arc<OwnedFd>,
    poke: OwnedFd,
    state: Mutex<State<S>>,
    /// The buffer of the one thread that reads.
    buffer: Mutex<Vec<u8>>,
}

pub(crate) struct State<S> {
    pub(crate) connector: Connector,
    pub(crate) sockets: Sockets,
    pub(crate) own: S,
}

pub(crate) type Guard<'a, S> = MutexGuard<'a, State<S>>;

impl<S> Engine<S> {
    /// Gets what it needs from the system. Nothing is dialled yet.
    pub(crate) fn new(options: Options, own: S) -> Result<Self, Error> {
        options.check()?;
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(refused("epoll descriptor"))?;
        let poke = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let poke = poke.map_err(refused("event descriptor"))?;
        epoll::add(&epoll, &poke, EventData::new_u64(POKE), EventFlags::IN)
            .map_err(refused("place in an epoll set"))?;
        let epoll = Arc::new(epoll);
        let connector = Connector::new(options, identity()?);
        let state = State { connector, sockets: Sockets::new(Arc::clone(&epoll)), own };
        let (state, buffer) = (Mutex::new(state), Mutex::new(vec![0; READ_MAX]));
        Ok(Self { process: Process::this(), epoll, poke, state, buffer })
    }

    /// The state. After a fork the lock may be held by a thread that does not exist here, so the child never waits
    /// for it, nor changes anything if it was told what it is.
    pub(crate) fn lock(&self) -> Result<Guard<'_, S>, Forked> {
        self.process.check()?;
        match self.state.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                self.process.check_surely()?;
                Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    /// Finds out whether this is the child of a fork even if nobody told; for who is about to wait.
    pub(crate) fn check_process(&self) -> Result<(), Forked> {
        self.process.check_surely()
    }

    /// The descriptor that is readable when there is something to do.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Watches one more descriptor, for as long as the engine lives.
    pub(crate) fn watch(&self, fd: &OwnedFd, data: u64) -> Result<(), Error> {
        epoll::add(&self.epoll, fd, EventData::new_u64(data), EventFlags::IN)
            .map_err(refused("place in an epoll set"))
    }

    /// Makes the descriptor readable, and so ends the wait of who waits for it.
    pub(crate) fn poke(&self) {
        // It fails only when it is readable already.
        let _ = rustix::io::write(&self.poke, &1u64.to_ne_bytes());
    }

    /// Sends what is queued on all links, as far as the sockets take it.
    pub(crate) fn send_queued<'a>(&'a self, mut state: Guard<'a, S>) -> Result<Guard<'a, S>, Forked> {
        loop {
            let State { connector, sockets, .. } = &mut *state;
            let Some(batch) = sockets.next_batch(connector) else { break };
            state = self.send(state, batch)?;
        }
        let closed = state.connector.take_closed();
        if !closed.is_empty() {
            self.process.check_surely()?;
            state.sockets.close(closed);
        }
        Ok(state)
    }

    /// Ends everything: last words are sent as far as the sockets take them, and every link is closed.
    pub(crate) fn stop(&self) -> Result<Guard<'_, S>, Forked> {
        self.process.check_surely()?;
        let mut state = self.lock()?;
        state.connector.stop();
        let mut state = self.send_queued(state)?;
        let State { connector, sockets, .. } = &mut *state;
        sockets.stop(connector);
        self.send_queued(state)
    }

    /// A child of a fork must keep its hands off the links, which it shares with its parent; so here, and where links
    /// are read and closed, it finds out what it is even if nobody told.
    fn send<'a>(&'a self, state: Guard<'a, S>, batch: Batch) -> Result<Guard<'a, S>, Forked> {
        drop(state);
        self.process.check_surely()?;
        let outcome = batch.send();
        let mut state = self.lock()?;
        let State { connector, sockets, .. } = &mut *state;
        sockets.sent(batch, outcome, connector);
        Ok(state)
    }

    /// Waits until a link has something, at most for this time, and reads what there is. One thread at a time.
    pub(crate) fn read_links(&self, timeout: Option<Duration>) -> Result<(), Forked> {
        self.process.check_surely()?;
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let timeout = timeout.map(|timeout| Timespec {
            // An epoll_wait of a day is as good as one without end: who waits looks at the clock afterwards.
            tv_sec: timeout.as_secs().min(86_400) as i64,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let mut room = [const { MaybeUninit::<Event>::uninit() }; READY_MAX];
        // An error is a signal: who waits looks whether it concerns him.
        let Ok((ready, _)) = epoll::wait(&self.epoll, &mut room[..], timeout.as_ref()) else { return Ok(()) };
        for event in ready.iter() {
            let (data, flags) = (event.data.u64(), event.flags);
            match data {
                POKE => drop(rustix::io::read(&self.poke, &mut [0; 8])),
                TIMER => {}
                link => self.serve_link(LinkId(link), flags, &mut buffer)?,
            }
        }
        Ok(())
    }

    /// The outcome of a dial: a new link, or none.
    pub(crate) fn dialled<'a>(
        &'a self,
        dial: &Dial,
        outcome: Result<OwnedFd, String>,
    ) -> Result<Guard<'a, S>, Forked> {
        let mut nonce = [0; 32];
        let outcome = outcome.and_then(|fd| match getrandom::fill(&mut nonce) {
            Ok(()) => Ok(fd),
            Err(error) => Err(format!("the system has no random bytes: {error}")),
        });
        let mut state = self.lock()?;
        let State { connector, sockets, .. } = &mut *state;
        let now = Instant::now();
        match outcome {
            Err(why) => connector.dial_failed(dial, &why, now),
            Ok(fd) => {
                if let Some(id) = connector.dialled(dial, nonce, now)
                    && let Err(error) = sockets.add(id, fd)
                {
                    connector.lost(id, &dial::describe(&error), now);
                }
            }
        }
        Ok(state)
    }

    fn serve_link(&self, id: LinkId, flags: EventFlags, buffer: &mut [u8]) -> Result<(), Forked> {
        let mut state = self.lock()?;
        if flags.contains(EventFlags::OUT)
            && let Some(batch) = state.sockets.unblock(id)
        {
            state = self.send(state, batch)?;
        }
        let Some(fd) = state.sockets.get(id) else { return Ok(()) };
        drop(state);
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            self.read_link(id, &fd, buffer)?;
        }
        Ok(())
    }

    fn read_link(&self, id: LinkId, fd: &OwnedFd, buffer: &mut [u8]) -> Result<(), Forked> {
        for _ in 0..READS_PER_TURN_MAX {
            let received = rustix::net::recv(fd, &mut *buffer, RecvFlags::DONTWAIT);
            let mut state = self.lock()?;
            let now = Instant::now();
            match received {
                Ok((0, _)) => state.connector.lost(id, "it closed the connection", now),
                Ok((n, _)) => {
                    state.connector.receive(id, &buffer[..n], now);
                    // A full buffer: there may be more.
                    if n == buffer.len() {
                        continue;
                    }
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => state.connector.lost(id, &dial::describe(&error.into()), now),
            }
            break;
        }
        Ok(())
    }
}

/// Who this process is.
fn identity() -> Result<Identity, Error> {
    let mut random = [0; 24];
    getrandom::fill(&mut random)
        .map_err(|error| Error::System { what: "random bytes", said: error.to_string() })?;
    let (backend, chance) = random.split_at(16);
    Ok(Identity {
        backend: backend.try_into().expect("split at 16"),
        pid: std::process::id(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        chance: u64::from_ne_bytes(chance.try_into().expect("the other 8")),
    })
}

fn refused(what: &'static str) -> impl Fn(Errno) -> Error {
    move |error| Error::System { what, said: error.to_string() }
}
