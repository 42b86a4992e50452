//! A backend on a link, through the connector that the adapters have.

use std::collections::HashMap;

use rustix::event::{PollFd, PollFlags, poll};
use swiftiply_connector::{Event, LoopConnector, Options, Read, ReplyHead, Request, StreamKey};

/// More than any run has clients, so that no request ever waits for a slot.
const SLOTS: u16 = 4096;
/// The most that is asked of a request's body at once; it is thrown away.
const READ_BYTES: usize = 64 * 1024;

/// Serves the proxy at `address` until it is told to end.
pub fn serve(address: &str, body: &[u8]) -> Result<(), String> {
    let address = address.parse().map_err(|error| format!("{address}: {error}"))?;
    let options =
        Options { connect: vec![address], slots: SLOTS, adapter: "bench".into(), ..Options::default() };
    let connector = LoopConnector::start(options).map_err(|error| error.to_string())?;
    let mut answers = Answers { head: head(body.len()), body, reading: HashMap::new() };
    let mut events = Vec::new();
    loop {
        let descriptor = connector.descriptor();
        let mut watched = [PollFd::new(&descriptor, PollFlags::IN)];
        poll(&mut watched, None).map_err(|error| error.to_string())?;
        connector.turn(&mut events).map_err(|error| error.to_string())?;
        for event in events.drain(..) {
            match event {
                Event::Request(request) => answers.give(request),
                Event::Readable(key) => answers.go_on(key),
                Event::Disconnected(key) => drop(answers.reading.remove(&key)),
                Event::Notice(notice) => eprintln!("{}", notice.text),
                Event::Writable(_) => {}
                Event::Ended => return Ok(()),
            }
        }
        connector.flush();
    }
}

fn head(length: usize) -> ReplyHead {
    let mut head = ReplyHead::new(200).expect("200 is a status");
    head.push(b"content-type", b"text/plain").expect("a plain header");
    head.push(b"content-length", length.to_string().as_bytes()).expect("a plain header");
    head
}

struct Answers<'a> {
    head: ReplyHead,
    body: &'a [u8],
    /// Requests whose body is still on its way.
    reading: HashMap<StreamKey, Request>,
}

impl Answers<'_> {
    /// Replies once the body is whole, as an app would that reads it.
    fn give(&mut self, request: Request) {
        loop {
            match request.try_read(READ_BYTES) {
                Read::Data(_) => {}
                Read::End => break,
                Read::Nothing => {
                    self.reading.insert(request.key(), request);
                    return;
                }
                Read::Failed(_) | Read::Interrupted => return,
            }
        }
        // The body is shorter than the link's window, so one call takes all of it; a client that left needs nothing.
        let _ = request.reply().send(&self.head, self.body);
    }

    fn go_on(&mut self, key: StreamKey) {
        if let Some(request) = self.reading.remove(&key) {
            self.give(request);
        }
    }
}
