//! Promises of the driver for event loops, against a proxy by hand.

mod fake;

use std::time::Instant;

use fake::{FakeProxy, PATIENCE, Said};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use swiftiply_connector::{Event, LoopConnector, NoticeKind, Options, Read, ReplyHead, Request};
use swiftiply_wire::Body;

/// The loop of an event-driven program, as small as it can be.
struct TestLoop {
    connector: LoopConnector,
    events: Vec<Event>,
}

impl TestLoop {
    fn start(options: Options) -> Self {
        Self { connector: LoopConnector::start(options).unwrap(), events: Vec::new() }
    }

    /// Turns until this finds what it looks for among the events, and takes it out.
    fn until<T>(&mut self, look: impl Fn(&Event) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(at) = self.events.iter().position(|event| look(event).is_some()) {
                return look(&self.events.remove(at)).unwrap();
            }
            assert!(begin.elapsed() < PATIENCE, "only {:?}", self.events);
            let mut fds = [PollFd::from_borrowed_fd(self.connector.descriptor(), PollFlags::IN)];
            let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
            assert_ne!(
                poll(&mut fds, Some(&patience)).unwrap(),
                0,
                "the descriptor stays silent: {:?}",
                self.events
            );
            self.connector.turn(&mut self.events).unwrap();
        }
    }

    fn request(&mut self) -> Request {
        self.until(|event| match event {
            Event::Request(request) => Some(request.clone()),
            _ => None,
        })
    }

    fn connected(&mut self) {
        self.until(|event| match event {
            Event::Notice(notice) if notice.kind == NoticeKind::Connected => Some(()),
            _ => None,
        });
    }
}

#[test]
fn a_request_is_given_out_and_answered() {
    let proxy = FakeProxy::start();
    let mut looped = TestLoop::start(proxy.options(1));
    looped.connector.turn(&mut looped.events).unwrap();
    let mut link = proxy.welcome();
    looped.connected();
    link.upload(1, "/hello", Body::Length(4));
    let request = looped.request();
    assert_eq!(request.try_read(9), Read::Nothing);
    link.data(1, b"body", true);
    let key = request.key();
    looped.until(|event| matches!(event, Event::Readable(of) if *of == key).then_some(()));
    assert_eq!(request.try_read(9), Read::Data(b"body".to_vec()));
    assert_eq!(request.try_read(9), Read::End);
    let head = ReplyHead::new(200).unwrap();
    assert_eq!(request.reply().send(&head, b"Hello, world!"), Ok(13));
    looped.connector.flush();
    assert_eq!(link.hear_reply(1), (200, b"Hello, world!".to_vec()));
    looped.connector.drain();
    assert_eq!(link.hear(), Said::Drain);
    assert_eq!(link.hear(), Said::Goodbye(String::new()));
    link.close();
    looped.until(|event| matches!(event, Event::Ended).then_some(()));
}
