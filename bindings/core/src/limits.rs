//! Every bound of the connector, with its unit and its reason. What both ends agreed on stands in the wire's limits.

use std::time::Duration;

/// Links that one proxy may ask for. It asks for one per shard, and no machine of today runs more shards than this.
pub const LINKS_PER_PROXY_MAX: u16 = 512;

/// Proxies of one backend. Each costs a link per shard and a dial when it is away.
pub const PROXIES_MAX: usize = 64;

/// Bytes that may wait for a link's socket before writers of bodies have to wait too. Windows bound each stream;
/// this bounds what all streams of a stalled link cost together, heads and small frames aside.
pub const LINK_OUT_MAX: usize = 1024 * 1024;

/// Bytes read from a link by one system call: all that a busy proxy has written in one turn of its loop, usually.
pub const READ_MAX: usize = 64 * 1024;

/// Reads of one link before the others get their turn.
pub const READS_PER_TURN_MAX: usize = 4;

/// Bytes of memory that an emptied output buffer keeps for the next write; what a burst needed beyond it is given
/// back.
pub const SPARE_OUT_MAX: usize = 128 * 1024;

/// Dials of one proxy at a time. Each has a thread while it lasts; a proxy with more shards gets its links in turns.
pub const DIALS_PER_PROXY_MAX: usize = 8;

/// How long a proxy may take to accept a connection. Across hosts a lost packet costs one to three seconds.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a proxy may take from the connection to its welcome or refusal; it needs a round trip or two.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The first wait after a lost or refused connection, of which chance takes up to half away: short, because a
/// restarted proxy is back within moments, and its clients are waiting.
pub const REDIAL_FIRST: Duration = Duration::from_millis(50);

/// The longest wait between two dials of a proxy that is away.
pub const REDIAL_MAX: Duration = Duration::from_secs(5);

/// The wait after a refusal that only an operator can lift (a wrong key): rare enough to stay out of his log's way,
/// often enough that his correction at the proxy's side is seen without a restart here.
pub const REDIAL_REFUSED: Duration = Duration::from_secs(15);

/// The shortest time between pings that a proxy can ask for: below it, a busy machine looks like a dead one.
pub const PING_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// The longest. NAT tables forget a connection after minutes.
pub const PING_INTERVAL_MAX: Duration = Duration::from_secs(120);

/// How long a link that has said goodbye stays open for the proxy to read what it was sent and to close its side.
/// A socket closed with something unread takes the last replies with it (RFC 1122 section 4.2.2.13).
pub const LINGER: Duration = Duration::from_secs(1);

/// How often a proxy that stays away is mentioned again in the log.
pub const REMIND_UNREACHABLE: Duration = Duration::from_secs(60);

/// Log lines that wait for the adapter; the oldest go first, and the next one tells how many went.
pub const NOTICES_MAX: usize = 256;

/// The longest time that calls of the app may compute on average to count as brisk: a few times what sending a reply costs
/// if that wakes the proxy, and the client, at once.
pub(crate) const BRISK_MAX: Duration = Duration::from_micros(200);

/// What a longer call counts as: nothing waits for the keeper's help for more than twice this.
pub(crate) const COMPUTED_MAX: Duration = Duration::from_millis(2);

/// The longest time that calls of the app may wait on average to count as computing: twice what waking a thread costs
/// that could run meanwhile.
pub(crate) const WAIT_MAX: Duration = Duration::from_micros(20);

/// What a longer wait counts as: it makes the app one that waits, until a dozen answers tell of none.
pub(crate) const WAITED_MAX: Duration = Duration::from_micros(250);

/// Calls of the app for which it counts as one that waits after one of them made others wait for its thread: what that
/// costs, a wake each, is then about what they have lost.
pub(crate) const WAITING_CALLS_MIN: u32 = 200;

/// The same when it happens again and again: then only one call in so many makes others wait.
pub(crate) const WAITING_CALLS_MAX: u32 = 25_600;

/// How long a finished reply may wait for the ones after it while the app is brisk.
pub(crate) const HOLD_MAX: Duration = Duration::from_micros(250);

/// A call of the app takes long if it takes so long and twice the time that calls took lately.
pub(crate) const STUCK_AFTER_MIN: Duration = Duration::from_micros(250);

/// How often the keeper looks whether a call of an app that computes takes long: so much later than it could be may
/// what depends on it be done. A look costs some five microseconds.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// How often the keeper looks at the links when no thread of the app does because all of them run the app. A
/// cancelled request is known, and a ping answered, this much later than it could be.
pub(crate) const SLACK_TICK: Duration = Duration::from_millis(5);

/// How many times the keeper looks in vain before it sleeps. Waking it costs about as much as a look.
pub(crate) const VAIN_TICKS_MAX: u32 = 1;

/// How often the stand-in of an event loop looks whether the loop is stuck. Two looks find it; with the proxy's
/// default ping interval of two seconds a ping is then answered a second before the process would count as frozen.
pub(crate) const STAND_IN_LOOKS_EVERY: Duration = Duration::from_millis(500);
