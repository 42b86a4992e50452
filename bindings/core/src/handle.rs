//! What a request and its reply share: the way to their exchange.

use std::sync::Arc;
use std::time::Instant;

use swiftiply_wire::{RequestFlags, RequestHead};

use crate::connector::Taken;
use crate::driver::Driver;
use crate::threads::Work;
use crate::{Request, StreamKey};

/// Keeps one exchange; dropping it ends what has not ended.
pub(crate) struct Handle {
    pub(crate) driver: Driver,
    /// Where the connector keeps the exchange. Nobody else gets this place before the handle is dropped.
    pub(crate) place: usize,
    pub(crate) key: StreamKey,
    pub(crate) head: RequestHead<Vec<u8>>,
    pub(crate) flags: RequestFlags,
    pub(crate) begun: Begun,
}

/// When the app got a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) at: Instant,
    /// What its thread had done by then, for the few calls of which that is asked.
    pub(crate) work: Option<Work>,
}

impl Handle {
    /// Makes a request of what was taken.
    pub(crate) fn hand_over(driver: Driver, taken: Taken, begun: Begun) -> Request {
        let Taken { place, key, head, flags } = taken;
        Request { handle: Arc::new(Self { driver, place, key, head, flags, begun }) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // In a forked child there is nothing to end: the exchange belongs to the parent.
        let _ = self.driver.forget(self.place);
    }
}
