//! Complaints about strangers, sparingly: whoever can reach a port must not be able to fill the log.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One complaint per peer in this time.
const EVERY: Duration = Duration::from_secs(60);

/// Peers remembered for that. When so many have been complained of within the time, no further one is: the log says
/// enough already.
const PEERS_MAX: usize = 1024;

/// Who is at the other end of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A machine.
    Address(IpAddr),
    /// A process of this machine that came by a Unix socket, by its user.
    Local {
        /// The user's number.
        uid: u32,
    },
}

impl Peer {
    /// Who counts as one: a host of IPv6 has as many addresses as it likes within its network of 64 bits.
    fn counted(self) -> Self {
        match self {
            Self::Address(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
                Self::Address(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into())
            }
            other => other,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.to_canonical().fmt(f),
            Self::Local { uid } => write!(f, "a local process of user {uid}"),
        }
    }
}

/// Who was complained of, and when.
#[derive(Debug, Default)]
pub struct Sparing(Mutex<HashMap<Peer, Instant>>);

impl Sparing {
    /// Whether this peer may be complained of; if so, it was.
    pub fn allows(&self, peer: Peer) -> bool {
        self.allows_at(peer, Instant::now())
    }

    fn allows_at(&self, peer: Peer, now: Instant) -> bool {
        let is_old = |then: &Instant| now.saturating_duration_since(*then) >= EVERY;
        let mut peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.get(&peer.counted()).is_some_and(|then| !is_old(then)) {
            return false;
        }
        if peers.len() >= PEERS_MAX {
            peers.retain(|_, then| !is_old(then));
        }
        if peers.len() >= PEERS_MAX {
            return false;
        }
        peers.insert(peer.counted(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::Address(address.parse().unwrap())
    }

    #[test]
    fn each_peer_is_complained_of_once_a_minute() {
        let (sparing, begin) = (Sparing::default(), Instant::now());
        for one in [peer("192.0.2.1"), peer("192.0.2.2"), Peer::Local { uid: 33 }, peer("2001:db8::1")] {
            assert!(sparing.allows_at(one, begin));
            assert!(!sparing.allows_at(one, begin + EVERY / 2));
            assert!(sparing.allows_at(one, begin + EVERY));
        }
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_peer_and_ipv4_in_ipv6_does_not() {
        let (sparing, begin) = (Sparing::default(), Instant::now());
        assert!(sparing.allows_at(peer("2001:db8::1"), begin));
        assert!(!sparing.allows_at(peer("2001:db8::ffff:2"), begin));
        assert!(sparing.allows_at(peer("2001:db8:0:1::1"), begin));
        assert!(sparing.allows_at(peer("::ffff:192.0.2.1"), begin));
        assert!(sparing.allows_at(peer("::ffff:192.0.2.2"), begin));
    }

    #[test]
    fn a_flood_from_many_peers_is_bounded_too() {
        let (sparing, begin) = (Sparing::default(), Instant::now());
        let flood = |at| (0..5000u32).filter(|n| sparing.allows_at(Peer::Local { uid: *n }, at)).count();
        assert_eq!(flood(begin), PEERS_MAX);
        assert_eq!(flood(begin + EVERY / 2), 0);
        assert_eq!(flood(begin + EVERY), PEERS_MAX);
    }
}
