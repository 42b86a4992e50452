//! A reply whose body is a file that the app only names: it is kept for the client connection, which sends the file once
//! the app is done.

use swiftiply_wire::ReplyHead;

use super::{Exchange, Progress, State};
use crate::files::Naming;

/// What the app said instead of the file.
#[derive(Debug)]
pub struct Handover {
    /// Its head, as the payload of a REPLY frame.
    pub head: Vec<u8>,
}

impl Exchange {
    /// Takes the reply that is to be sent from a file, if this is one.
    pub fn take_handover(&self) -> Option<Box<Handover>> {
        self.0.borrow_mut().handover.take()
    }
}

impl State {
    /// Keeps a reply that names a file, where the site has files for that. Its client sees nothing of it yet, so a
    /// backend that dies before it is done can still be replaced.
    pub(super) fn hand_over(&mut self, head: &ReplyHead<&[u8]>, end: bool) -> bool {
        if !self.rules.sends_files || !can_have_body(head.status()) {
            return false;
        }
        if !head.headers().iter().any(|(name, _)| Naming::of(name.as_bytes()).is_some()) {
            return false;
        }
        self.handover = Some(Box::new(Handover { head: head.as_bytes().to_vec() }));
        self.progress = Progress::Body;
        self.is_handed_over(0, end)
    }

    /// Whether the reply is handed over. What the app says besides is thrown away, and credited as if the client had
    /// taken it.
    pub(super) fn is_handed_over(&mut self, bytes: usize, end: bool) -> bool {
        if self.handover.is_none() {
            return false;
        }
        self.in_out += bytes as u32;
        if end {
            self.progress = Progress::Whole;
        }
        self.wake();
        true
    }
}

fn can_have_body(status: u16) -> bool {
    status >= 200 && !matches!(status, 204 | 205 | 304)
}
