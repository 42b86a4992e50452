//! The loop of an event-driven program, as small as it can be.

use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use swiftiply_connector::{Event, LoopConnector, NoticeKind, Options, Request};

use super::PATIENCE;

/// See above.
pub struct TestLoop {
    pub connector: LoopConnector,
    /// What nobody has looked for yet.
    pub events: Vec<Event>,
}

impl TestLoop {
    /// A loop that has turned once, so that it dials.
    pub fn start(options: Options) -> Self {
        let mut looped = Self { connector: LoopConnector::start(options).unwrap(), events: Vec::new() };
        looped.turn();
        looped
    }

    /// Waits for the descriptor, and turns.
    pub fn turn(&mut self) {
        let mut fds = [PollFd::from_borrowed_fd(self.connector.descriptor(), PollFlags::IN)];
        let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
        let ready = poll(&mut fds, Some(&patience)).unwrap();
        assert_ne!(ready, 0, "the descriptor stays silent after {:?}", self.events);
        self.connector.turn(&mut self.events).unwrap();
    }

    /// Turns until this finds what it looks for among the events, and takes it out.
    pub fn until<T>(&mut self, look: impl Fn(&Event) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(at) = self.events.iter().position(|event| look(event).is_some()) {
                return look(&self.events.remove(at)).unwrap();
            }
            assert!(begin.elapsed() < PATIENCE, "only {:?}", self.events);
            self.turn();
        }
    }

    pub fn request(&mut self) -> Request {
        self.until(|event| match event {
            Event::Request(request) => Some(request.clone()),
            _ => None,
        })
    }

    pub fn readable(&mut self, request: &Request) {
        let key = request.key();
        self.until(|event| matches!(event, Event::Readable(of) if *of == key).then_some(()));
    }

    pub fn writable(&mut self, request: &Request) {
        let key = request.key();
        self.until(|event| matches!(event, Event::Writable(of) if *of == key).then_some(()));
    }

    pub fn disconnected(&mut self, request: &Request) {
        let key = request.key();
        self.until(|event| matches!(event, Event::Disconnected(of) if *of == key).then_some(()));
    }

    pub fn notice(&mut self, kind: NoticeKind) -> String {
        self.until(|event| match event {
            Event::Notice(notice) if notice.kind == kind => Some(notice.text.clone()),
            _ => None,
        })
    }

    pub fn ended(&mut self) {
        self.until(|event| matches!(event, Event::Ended).then_some(()));
    }
}
