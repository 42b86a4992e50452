//! The driver for event loops.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::connector::{Connector, Dial, Happened, Taken};
use crate::dial::{Dialler, dial};
use crate::driver::{Driver, Forked};
use crate::engine::{Engine, Guard, State, TIMER};
use crate::handle::{Begun, Handle};
use crate::stand_in;
use crate::{Error, Notice, Options, Request, Status, StreamKey};

/// A connector for an event loop. Clones are the same connector. When the last one is dropped, it is stopped.
///
/// Watch [`descriptor`](Self::descriptor) for readability; when it is readable call [`turn`](Self::turn), act on the
/// events, and call [`flush`](Self::flush) at the end of the loop's own turn. Nothing here ever waits.
#[derive(Clone)]
pub struct LoopConnector {
    owner: Arc<Owner>,
}

/// What happened. A key whose request is dropped gets no more events.
#[derive(Debug, Clone)]
pub enum Event {
    /// A request. The app has started it, as far as anybody can tell.
    Request(Request),
    /// A read would give something: body, its end or its failure. Comes once for the first, and then once after each
    /// [`Read::Nothing`](crate::Read::Nothing).
    Readable(StreamKey),
    /// A write would take something, or fail. Comes once after each [`Reply::try_write`](crate::Reply::try_write)
    /// that took less than all.
    Writable(StreamKey),
    /// Nobody waits for the reply any more. Comes at most once, and not after the end of the reply.
    Disconnected(StreamKey),
    /// A line for the log.
    Notice(Notice),
    /// All is over, after [`drain`](LoopConnector::drain) or [`stop`](LoopConnector::stop): every link is closed, and
    /// the process may exit. The last event.
    Ended,
}

impl LoopConnector {
    /// Starts to serve. Returns at once; the first [`turn`](Self::turn), for which the descriptor is readable
    /// already, dials the proxies in the background.
    ///
    /// # Errors
    /// [`Error::BadOption`], or [`Error::System`] when this process may not have what it needs.
    pub fn start(options: Options) -> Result<Self, Error> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)
            .map_err(|error| Error::System { what: "timer descriptor", said: error.to_string() })?;
        let engine = Engine::new(options, Own::default())?;
        engine.watch(&timer, TIMER)?;
        engine.poke();
        let event_loop = Arc::new(Loop { engine, timer });
        let kept = Arc::downgrade(&event_loop);
        std::thread::Builder::new()
            .name("swiftiply-stand".into())
            .spawn(move || stand_in::keep(&kept))
            .map_err(|error| Error::System { what: "thread", said: error.to_string() })?;
        Ok(Self { owner: Arc::new(Owner { event_loop }) })
    }

    /// The one descriptor to watch: readable when [`turn`](Self::turn) has something to do, be it bytes, a dial's
    /// result or the time. It is the connector's own; do not close it, and do nothing with it but watch. It stays the
    /// same.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.event_loop().engine.descriptor()
    }

    /// Does all there is to do, without waiting, and appends what happened to `events`. Ends with a
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn turn(&self, events: &mut Vec<Event>) -> Result<(), Error> {
        self.event_loop().turn(events).map_err(|Forked| Error::Forked)
    }

    /// Sends what was written since the last time, in one write per link.
    pub fn flush(&self) {
        // In the child of a fork there is nothing to do, and `turn` says why.
        let _ = self.event_loop().flush();
    }

    /// As [`ThreadConnector::drain`](crate::ThreadConnector::drain); [`Event::Ended`] tells when it is done.
    pub fn drain(&self) {
        self.run(Connector::drain);
    }

    /// As [`ThreadConnector::stop`](crate::ThreadConnector::stop). The next turn gives [`Event::Ended`].
    pub fn stop(&self) {
        self.event_loop().stop();
    }

    /// Changes how many requests can run at once, at most 16384; with 0 nothing new comes.
    pub fn set_slots(&self, slots: u16) {
        self.run(|connector| connector.set_slots(slots));
    }

    /// How it is doing. In the child of a fork it has ended.
    pub fn status(&self) -> Status {
        self.event_loop().run(|connector| connector.status()).unwrap_or(Status::FORKED)
    }

    /// What was asked for by a signal, say, is not to wait for the loop's next turn.
    fn run(&self, work: impl FnOnce(&mut Connector)) {
        let event_loop = self.event_loop();
        // In the child of a fork there is nothing to do, and the parent must not be poked.
        if event_loop.run(work).and_then(|()| event_loop.flush()).is_ok() {
            event_loop.engine.poke();
        }
    }

    fn event_loop(&self) -> &Arc<Loop> {
        &self.owner.event_loop
    }
}

impl std::fmt::Debug for LoopConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LoopConnector({:?})", self.status())
    }
}

/// What all clones share; its end is the connector's.
struct Owner {
    event_loop: Arc<Loop>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.event_loop.stop();
    }
}

/// The connector as its exchanges and its dials see it.
pub(crate) struct Loop {
    engine: Engine<Own>,
    timer: OwnedFd,
}

/// What the loop keeps beside the connector.
#[derive(Default)]
pub(crate) struct Own {
    /// When the timer rings.
    armed_for: Option<Instant>,
    has_told_end: bool,
    last_turn: Option<Instant>,
}

impl Loop {
    /// Runs `work` on the connector. What it wrote leaves with the next flush.
    pub(crate) fn run<T>(&self, work: impl FnOnce(&mut Connector) -> T) -> Result<T, Forked> {
        let mut state = self.engine.lock()?;
        let done = work(&mut state.connector);
        if state.connector.take_hurry() {
            self.engine.poke();
        }
        Ok(done)
    }

    /// The descriptor that the loop watches.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.engine.descriptor()
    }

    /// When the loop last turned; never yet is long ago.
    pub(crate) fn last_turn(&self) -> Option<Instant> {
        self.engine.lock().ok()?.own.last_turn
    }

    /// Whether all is over.
    pub(crate) fn has_ended(&self) -> Result<bool, Forked> {
        Ok(self.engine.lock()?.connector.has_ended())
    }

    /// Keeps the links in place of the loop, which is stuck; it will find what came at its next turn.
    pub(crate) fn stand_in(&self) -> Result<(), Forked> {
        self.engine.read_links(Some(Duration::ZERO))?;
        let mut state = self.engine.lock()?;
        state.connector.tick(Instant::now());
        drop(self.engine.send_queued(state)?);
        self.engine.poke();
        Ok(())
    }

    fn turn(self: &Arc<Self>, events: &mut Vec<Event>) -> Result<(), Forked> {
        self.engine.read_links(Some(Duration::ZERO))?;
        let mut state = self.engine.lock()?;
        let now = Instant::now();
        state.own.last_turn = Some(now);
        state.connector.tick(now);
        let dials: Vec<Dial> = std::iter::from_fn(|| state.connector.next_dial(now)).collect();
        self.tell(&mut state, now, events);
        let mut state = self.engine.send_queued(state)?;
        // Sending may have made room for writers, or have closed the last link.
        self.tell(&mut state, now, events);
        self.arm(&mut state, now);
        drop(state);
        for due in dials {
            dial(Arc::downgrade(self), due);
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), Forked> {
        let state = self.engine.lock()?;
        let state = self.engine.send_queued(state)?;
        if state.connector.has_events() {
            self.engine.poke();
        }
        Ok(())
    }

    fn stop(&self) {
        // In the child of a fork the links are the parent's, and go on.
        if self.engine.stop().is_ok() {
            self.engine.poke();
        }
    }

    /// Turns what happened into events, requests first: what follows may be about them.
    fn tell(self: &Arc<Self>, state: &mut Guard<'_, Own>, now: Instant, events: &mut Vec<Event>) {
        let State { connector, own, .. } = &mut **state;
        events.extend(
            std::iter::from_fn(|| connector.take()).map(|taken| Event::Request(self.hand_over(taken, now))),
        );
        events.extend(std::iter::from_fn(|| connector.next_event()).map(|event| match event.what {
            Happened::Readable => Event::Readable(event.key),
            Happened::Writable => Event::Writable(event.key),
            Happened::Disconnected => Event::Disconnected(event.key),
        }));
        events.extend(std::iter::from_fn(|| connector.notices.pop()).map(Event::Notice));
        if connector.has_ended() && !std::mem::replace(&mut own.has_told_end, true) {
            events.push(Event::Ended);
        }
    }

    /// Sets the timer to the next deadline. One that rings too early costs a turn, which sets it again; so it is set
    /// only when it would ring too late, or has rung.
    fn arm(&self, state: &mut Guard<'_, Own>, now: Instant) {
        let State { connector, own, .. } = &mut **state;
        connector.take_hurry();
        let due = connector.deadline(now);
        let fits = match (own.armed_for, due) {
            (Some(armed), Some(due)) => now < armed && armed <= due,
            (armed, due) => armed == due,
        };
        if fits {
            return;
        }
        // A time of zero would switch it off, which is right only when nothing is due. Setting it also makes it
        // unreadable.
        let wait =
            due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now).max(Duration::from_nanos(1)));
        let it_value = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
        let setting = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        if timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting).is_ok() {
            own.armed_for = due;
        }
    }

    fn hand_over(self: &Arc<Self>, taken: Taken, now: Instant) -> Request {
        Handle::hand_over(Driver::Loop(Arc::clone(self)), taken, Begun { at: now, work: None })
    }
}

impl Dialler for Loop {
    fn dialled(&self, dial: &Dial, outcome: Result<OwnedFd, String>) {
        let state = self.engine.dialled(dial, outcome);
        // A child of a fork has no dialling threads.
        let _ = state.and_then(|state| self.engine.send_queued(state).map(drop));
        self.engine.poke();
    }
}
