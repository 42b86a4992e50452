//! How slow a client's body may be, and when it is silent.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::side::ClientSide;
use crate::config::SiteConfig;

/// How long a client must send nothing to count as silent: longer than a packet takes that was lost and sent again.
const SILENCE: Duration = Duration::from_secs(1);

/// The slowest that a client may be.
#[derive(Default)]
pub(super) struct Rate {
    bytes_per_window: u64,
    /// Bytes that came since the window began.
    bytes: u64,
    is_running: bool,
}

impl Rate {
    /// So many bytes per second, averaged over a window.
    pub(super) fn new(bytes_per_second: u64) -> Self {
        let bytes_per_window = bytes_per_second * SiteConfig::BODY_RATE_WINDOW.as_secs();
        Self { bytes_per_window, bytes: 0, is_running: false }
    }

    /// So many bytes have come.
    pub(super) fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Called whenever we wait for the client: counts window after window.
    pub(super) fn is_too_slow(&mut self, side: &impl ClientSide) -> bool {
        if !self.is_running {
            self.is_running = true;
            self.bytes = 0;
            side.expect_within(SiteConfig::BODY_RATE_WINDOW);
            return false;
        }
        if !side.is_late() {
            return false;
        }
        let is_slow = self.bytes < self.bytes_per_window;
        self.bytes = 0;
        side.expect_within(SiteConfig::BODY_RATE_WINDOW);
        is_slow
    }

    /// It is not the client who is waited for.
    pub(super) fn rest(&mut self, side: &impl ClientSide) {
        if std::mem::take(&mut self.is_running) {
            side.expect_nothing();
        }
    }
}

/// Watches for silence.
#[derive(Default)]
pub(super) struct Silence(Option<Pin<Box<Sleep>>>);

impl Silence {
    /// True once per [`SILENCE`] in which nothing came.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep(SILENCE)));
        let is_over = timer.as_mut().poll(cx).is_ready();
        if is_over {
            self.0 = None;
        }
        is_over
    }

    /// Something came.
    pub(super) fn is_broken(&mut self) {
        self.0 = None;
    }
}
