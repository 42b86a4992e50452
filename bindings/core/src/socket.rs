//! The sockets of the links, and what is on its way out through each.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown};

use crate::connector::{Connector, LinkId};
use crate::limits::SPARE_OUT_MAX;

/// The socket of each link, and the epoll descriptor that watches them all.
pub(crate) struct Sockets {
    epoll: Arc<OwnedFd>,
    by_link: BTreeMap<LinkId, Socket>,
    /// How many of them are blocked.
    blocked: usize,
}

struct Socket {
    fd: Arc<OwnedFd>,
    state: Sending,
    /// An empty buffer for the next batch.
    spare: Vec<u8>,
}

/// What is on its way out. While one thread sends, the others only append, so that frames stay whole and in order,
/// and what gathers meanwhile leaves in one write.
enum Sending {
    Idle,
    /// Somebody is at it, and will look again when he is done.
    Busy,
    /// The socket's buffer is full.
    Blocked(Batch),
    /// Nothing more can be sent. Who reads finds out why.
    Broken,
}

/// Bytes that are to be sent on one link, while nobody else sends on it.
pub(crate) struct Batch {
    id: LinkId,
    fd: Arc<OwnedFd>,
    bytes: Vec<u8>,
    at: usize,
}

impl Batch {
    /// Sends as much as the socket takes, without waiting.
    pub(crate) fn send(&self) -> Result<usize, Errno> {
        rustix::net::send(&self.fd, &self.bytes[self.at..], SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
    }
}

impl Sockets {
    pub(crate) fn new(epoll: Arc<OwnedFd>) -> Self {
        Self { epoll, by_link: BTreeMap::new(), blocked: 0 }
    }

    /// Watches the socket of a new link.
    pub(crate) fn add(&mut self, id: LinkId, fd: OwnedFd) -> io::Result<()> {
        epoll::add(&self.epoll, fd.as_fd(), EventData::new_u64(id.0), EventFlags::IN)?;
        let socket = Socket { fd: Arc::new(fd), state: Sending::Idle, spare: Vec::new() };
        self.by_link.insert(id, socket);
        Ok(())
    }

    pub(crate) fn get(&self, id: LinkId) -> Option<Arc<OwnedFd>> {
        self.by_link.get(&id).map(|socket| Arc::clone(&socket.fd))
    }

    /// Whether some output waits for its socket.
    pub(crate) fn is_some_blocked(&self) -> bool {
        self.blocked > 0
    }

    /// Whether some thread is sending just now.
    #[cfg(test)]
    pub(crate) fn is_some_busy(&self) -> bool {
        self.by_link.values().any(|socket| matches!(socket.state, Sending::Busy))
    }

    /// What is to be sent next, on any link. Give it back to [`Sockets::sent`].
    pub(crate) fn next_batch(&mut self, connector: &mut Connector) -> Option<Batch> {
        while let Some(id) = connector.next_queued() {
            let Some(socket) = self.by_link.get_mut(&id) else { continue };
            match socket.state {
                Sending::Idle => {}
                Sending::Busy | Sending::Blocked(_) => continue,
                Sending::Broken => {
                    connector.take_output(id, &mut Vec::new());
                    continue;
                }
            }
            let mut bytes = std::mem::take(&mut socket.spare);
            connector.take_output(id, &mut bytes);
            if bytes.is_empty() {
                socket.spare = bytes;
                continue;
            }
            socket.state = Sending::Busy;
            return Some(Batch { id, fd: Arc::clone(&socket.fd), bytes, at: 0 });
        }
        None
    }

    /// The socket has room again.
    pub(crate) fn unblock(&mut self, id: LinkId) -> Option<Batch> {
        let socket = self.by_link.get_mut(&id)?;
        match std::mem::replace(&mut socket.state, Sending::Busy) {
            Sending::Blocked(batch) => {
                self.blocked -= 1;
                watch(&self.epoll, &socket.fd, id, EventFlags::IN);
                Some(batch)
            }
            state => {
                socket.state = state;
                None
            }
        }
    }

    /// What came of sending a batch.
    pub(crate) fn sent(
        &mut self,
        mut batch: Batch,
        outcome: Result<usize, Errno>,
        connector: &mut Connector,
    ) {
        let id = batch.id;
        let Some(socket) = self.by_link.get_mut(&id) else { return };
        let n = match outcome {
            Ok(n) => n,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(_) => {
                socket.state = Sending::Broken;
                connector.sent(id, batch.bytes.len() - batch.at);
                return close_if_stopping(id, connector);
            }
        };
        batch.at += n;
        connector.sent(id, n);
        if batch.at < batch.bytes.len() {
            socket.state = Sending::Blocked(batch);
            self.blocked += 1;
            watch(&self.epoll, &socket.fd, id, EventFlags::IN | EventFlags::OUT);
            return close_if_stopping(id, connector);
        }
        socket.state = Sending::Idle;
        if batch.bytes.capacity() <= SPARE_OUT_MAX {
            batch.bytes.clear();
            socket.spare = batch.bytes;
        }
        if connector.is_closing(id) {
            // The proxy reads the end after the last frame, and closes its side.
            let _ = rustix::net::shutdown(&socket.fd, Shutdown::Write);
            close_if_stopping(id, connector);
        } else {
            connector.queue_output(id);
        }
    }

    /// Closes every link that nobody is sending on; the others are closed when that is done.
    pub(crate) fn stop(&self, connector: &mut Connector) {
        for (id, socket) in &self.by_link {
            if !matches!(socket.state, Sending::Busy) {
                close_if_stopping(*id, connector);
            }
        }
    }

    /// Closes the sockets of links that the connector has given up.
    pub(crate) fn close(&mut self, closed: Vec<LinkId>) {
        for id in closed {
            if let Some(socket) = self.by_link.remove(&id) {
                self.blocked -= usize::from(matches!(socket.state, Sending::Blocked(_)));
                // Another thread may be sending on it still, so dropping it here may not close it yet.
                let _ = epoll::delete(&self.epoll, &socket.fd);
                let _ = rustix::net::shutdown(&socket.fd, Shutdown::Both);
            }
        }
    }
}

fn close_if_stopping(id: LinkId, connector: &mut Connector) {
    if connector.is_stopping() {
        connector.close(id);
    }
}

/// The descriptor is in the set, so this can fail only for want of kernel memory; then the link's silence ends it.
fn watch(epoll: &OwnedFd, fd: &OwnedFd, id: LinkId, flags: EventFlags) {
    let _ = epoll::modify(epoll, fd, EventData::new_u64(id.0), flags);
}
