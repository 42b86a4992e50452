//! How a connector is doing.

/// How a connector is doing, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Proxies that it was given.
    pub proxies: usize,
    /// Proxies that have all the links they want, so that requests come from them.
    pub connected: usize,
    /// Links that count, on all proxies together.
    pub links: usize,
    /// Requests that the app has not finished, those included that wait for a thread to take them.
    pub in_flight: usize,
    /// Requests that have claimed a tunnel, and live on beside the slots once they are one.
    pub tunnels: usize,
    /// Requests that can run at once.
    pub slots: u16,
    /// Whether it was asked to drain.
    pub is_draining: bool,
    /// Whether all is over: drained to the end, or stopped.
    pub has_ended: bool,
}

impl Status {
    /// In the child of a fork there is nothing.
    pub(crate) const FORKED: Self = Self {
        proxies: 0,
        connected: 0,
        links: 0,
        in_flight: 0,
        tunnels: 0,
        slots: 0,
        is_draining: true,
        has_ended: true,
    };
}
