//! What a request and its reply share: the way to their exchange.

use swiftiply_wire::{RequestFlags, RequestHead};

use crate::StreamKey;
use crate::driver::Driver;

/// Keeps one exchange; dropping it ends what has not ended.
pub(crate) struct Handle {
    pub(crate) driver: Driver,
    /// Where the connector keeps the exchange. Nobody else gets this place before the handle is dropped.
    pub(crate) place: usize,
    pub(crate) key: StreamKey,
    pub(crate) head: RequestHead<Vec<u8>>,
    pub(crate) flags: RequestFlags,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let place = self.place;
        // In a forked child there is nothing to end: the exchange belongs to the parent.
        let _ = self.driver.run(|connector| connector.forget(place));
    }
}
