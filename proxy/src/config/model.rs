//! The meaning of a configuration: every key with its unit, its default and the reason for it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::http::Hsts;
use crate::tls::Certificate;

use super::acme::AcmeConfig;
use super::address::{ListenAddr, Network, Outgoing};
use super::files::{DocRoot, ErrorPages, SendfileRoot};
use super::hosts::HostTable;
use super::http2::Http2;
use super::prefix::{PathPrefix, PoolTable};
use super::secret::Secret;
use crate::compress::Coding;
use crate::resources::of_machine;

/// Everything the proxy is told. Made by [`Config::load`] and [`Config::embedded`], or in a test by
/// [`Config::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where clients connect: each `cluster_address` with each `cluster_port`, and the addresses of `tls`. Never empty.
    pub listen: Vec<ListenAddr>,
    /// `tls`: those of them where clients speak TLS; none by default.
    pub tls: Vec<TlsConfig>,
    /// `acme`: how certificates are got without a hand; they serve at every address of `tls`. None by default.
    pub acme: Option<AcmeConfig>,
    /// `proxy_protocol`: those of them where each connection begins with a header of the PROXY protocol, from a peer in
    /// `trusted_proxies`. None by default.
    pub proxy_protocol: Vec<ListenAddr>,
    /// `map`: the sites, in the file's order. Never empty; no host and no outgoing address twice,
    /// at most one default.
    pub sites: Vec<SiteConfig>,
    /// `error_pages` at the top level or in `defaults`: for requests whose host no site has.
    pub error_pages: ErrorPages,
    /// `limits`: what a client may send, and how slowly.
    pub limits: Limits,
    /// `http2`: whether it is spoken, and what a connection of it may cost.
    pub http2: Http2,
    /// `trusted_proxies`: peers whose `X-Forwarded-*` headers are believed. None by default: anyone
    /// can send such a header.
    pub trusted_proxies: Vec<Network>,
    /// `shards`: threads, each with its own loop. The processor's cores by default; 1 to
    /// [`Config::SHARDS_MAX`].
    pub shards: usize,
    /// `drain_timeout`: how long a stopping proxy lets running requests end, 30 s by default: shorter
    /// than the 90 s after which systemd kills.
    pub drain_timeout: Duration,
    /// `ping_interval`: how often a silent link is asked for a sign of life, 2 s by default, so that a
    /// frozen backend is noticed within 4 s.
    pub ping_interval: Duration,
    /// `memory_max`: bytes that the proxy may have allocated for everything. Beyond it new requests are answered 503 and
    /// new clients wait; from three quarters on, so are uploads that no app has seen. What is under way goes on, and may
    /// take up to one window (256 KiB) more for each running request. None: any number. By default three quarters of
    /// the machine's memory, or of the container's if that is less: beyond that the system ends whole processes.
    pub memory_max: Option<u64>,
    /// `log`: where log lines go.
    pub log: Log,
    /// `daemonize`, `pidfile`, `user` and `group`.
    pub process: Process,
}

impl Config {
    /// The most shards, so that a slip of the finger (`shards: 800`) does not start 800 threads.
    pub const SHARDS_MAX: usize = 256;
    /// See [`Config::drain_timeout`].
    pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
    /// See [`Config::ping_interval`].
    pub const PING_INTERVAL: Duration = Duration::from_secs(2);

    /// These listeners and sites, and the default of everything else.
    pub fn new(listen: Vec<ListenAddr>, sites: Vec<SiteConfig>) -> Self {
        Config {
            listen,
            tls: Vec::new(),
            acme: None,
            proxy_protocol: Vec::new(),
            sites,
            error_pages: ErrorPages::default(),
            limits: Limits::default(),
            http2: Http2::default(),
            trusted_proxies: Vec::new(),
            shards: thread::available_parallelism().map_or(1, usize::from).min(Config::SHARDS_MAX),
            drain_timeout: Config::DRAIN_TIMEOUT,
            ping_interval: Config::PING_INTERVAL,
            memory_max: Config::memory_max(),
            log: Log::default(),
            process: Process::default(),
        }
    }

    /// The default of [`Config::memory_max`]; `None` where the system does not tell how much memory there is.
    pub fn memory_max() -> Option<u64> {
        of_machine(Path::new("/")).map(|bytes| bytes / 4 * 3)
    }

    /// From host names to the indices of `sites`.
    pub fn host_table(&self) -> HostTable {
        HostTable::new(&self.sites)
    }
}

/// One address of `tls`. Entries of the file that name the same address are one here.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsConfig {
    /// `at`: where. Port 443 of each `cluster_address` by default.
    pub address: ListenAddr,
    /// `certfile` and `keyfile`, or several of them as `certificates`. A client gets the one for the name that it asks
    /// for (SNI), or the first. Empty only where all come by `acme`.
    pub certificates: Vec<Arc<Certificate>>,
    /// `min_version`: 1.2 by default, which everything in use can speak and which is still sound.
    pub min_version: TlsVersion,
}

impl TlsConfig {
    /// An address whose certificates all come by `acme`.
    pub fn new(address: ListenAddr) -> Self {
        TlsConfig { address, certificates: Vec::new(), min_version: TlsVersion::default() }
    }
}

/// A version of TLS. Older ones are broken and not served at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        })
    }
}

/// One `map` entry: its host names and the addresses that its backends dial. Two equal values mean
/// that a reload has nothing to change.
///
/// The keys behind `outgoing` may also stand in `defaults` or at the top level of the file; an entry's
/// own key wins, then `defaults`, then the top level.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteConfig {
    /// The first host of `incoming`: what logs and messages call the site.
    pub name: String,
    /// `incoming`: the host names, each as [`normalize_host`](super::normalize_host) spells it; or `*.` and a name, for
    /// all names below that one. How they are told apart: [`HostTable`].
    pub hosts: Vec<String>,
    /// `outgoing`: the pools of backends that share the site's paths; never empty, no prefix twice. Mostly one with the
    /// prefix `/`.
    pub pools: Vec<PoolConfig>,
    /// `default`: true for the site that also gets every host which no site names.
    pub is_default: bool,
    /// `timeout`: how long a request may wait for a slot before it is answered 503. 10 s by default:
    /// longer than most apps take to restart, shorter than people wait.
    pub timeout: Duration,
    /// `queue`: how many requests may wait at once; the next one is answered 503. 1000 by default: what
    /// ten slots of 100 ms work off within the 10 s of `timeout`. 0 means that nothing ever waits.
    pub queue: usize,
    /// `key`, or the content of `key_file`: what a backend must prove to know. None means that whoever
    /// can reach `outgoing` may serve this site.
    pub key: Option<Secret>,
    /// `redeployable`: whether a request that an app had started may be given to another backend when
    /// that app dies before it replies (idempotent methods only, at most once more). True by default.
    /// One that no app had started is always given to another.
    pub redeployable: bool,
    /// `redeployment_sizelimit`: how many bytes of a request's body are kept to give it to another
    /// backend. 16,384 by default, as in Swiftiply 0.6: with a full queue, 16 MiB.
    pub redeployment_sizelimit: usize,
    /// `xforwardedfor`: whether the app is told of the client by `X-Forwarded-For`, `-Proto` and
    /// `-Host`. True by default. What a client itself sent is removed in either case.
    pub xforwardedfor: bool,
    /// `max_body`: the longest request body in bytes; a longer one is answered 413. None by default:
    /// bodies are streamed, so their length costs nothing here.
    pub max_body: Option<u64>,
    /// `body_rate`: bytes per second that a request body must bring, averaged over
    /// [`SiteConfig::BODY_RATE_WINDOW`]; slower is answered 408. 500 by default: slower than any line that people still
    /// have, faster than what could hold thousands of uploads open for nothing. 0 turns it off.
    pub body_rate: u64,
    /// `tunnel_timeout`: how long nobody may say anything in a tunnel (a WebSocket) before it is closed. None (0) by default:
    /// an idle one holds no slot, apps and clients have pings of their own, a client that has vanished is noticed in any
    /// case, and the 60 s of other proxies surprise people. Right to a tenth of a second.
    pub tunnel_timeout: Option<Duration>,
    /// `docroot` and what goes with it: files that are served before the app is asked. None by default.
    pub docroot: Option<Arc<DocRoot>>,
    /// `sendfileroot`: the folder of the files that the app may have sent by `X-Sendfile` or `X-Accel-Redirect`. None by
    /// default: then such a header is dropped, unless a trusted proxy in front is there to act on it.
    pub sendfileroot: Option<Arc<SendfileRoot>>,
    /// `error_pages`: pages for the proxy's own 404, 502 and 503 in place of its plain sentences. None by default.
    pub error_pages: ErrorPages,
    /// `compress`: the codings in which text may be sent, the preferred first. None by default: it costs processor time,
    /// and a reply in which a secret stands beside what the client sent tells something of the secret by its length.
    pub compress: Vec<Coding>,
    /// `redirect_to_https`: the port to which clients without TLS are sent, with 301 for GET and HEAD and 308 for all
    /// else. None by default: a site may have no certificate. `true` means the port of `tls`.
    pub redirect_to_https: Option<u16>,
    /// `hsts`: what browsers are told about TLS being a must, in replies over TLS. Nothing by default: it cannot be
    /// taken back before its time is over.
    pub hsts: Option<Hsts>,
}

/// Entries of `outgoing` with the same `prefix`: some backends, with a queue and slots of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// `prefix`: the paths that it serves, whole; `/` by default. The longest one that has a path wins, see
    /// [`PoolTable`].
    pub prefix: PathPrefix,
    /// `to`: where its backends dial in, one address or several.
    pub outgoing: Vec<Outgoing>,
}

impl SiteConfig {
    /// See [`SiteConfig::timeout`].
    pub const TIMEOUT: Duration = Duration::from_secs(10);
    /// See [`SiteConfig::queue`].
    pub const QUEUE: usize = 1000;
    /// See [`SiteConfig::redeployment_sizelimit`].
    pub const REDEPLOYMENT_SIZELIMIT: usize = 16_384;
    /// See [`SiteConfig::body_rate`].
    pub const BODY_RATE: u64 = 500;
    /// The time over which [`SiteConfig::body_rate`] is averaged: long enough for one lost packet and its
    /// repetitions.
    pub const BODY_RATE_WINDOW: Duration = Duration::from_secs(10);

    /// A site of one host and one outgoing address, with the default of everything else.
    pub fn new(host: &str, outgoing: Outgoing) -> Self {
        SiteConfig {
            name: host.to_owned(),
            hosts: vec![host.to_owned()],
            pools: vec![PoolConfig { prefix: PathPrefix::ROOT, outgoing: vec![outgoing] }],
            is_default: false,
            timeout: SiteConfig::TIMEOUT,
            queue: SiteConfig::QUEUE,
            key: None,
            redeployable: true,
            redeployment_sizelimit: SiteConfig::REDEPLOYMENT_SIZELIMIT,
            xforwardedfor: true,
            max_body: None,
            body_rate: SiteConfig::BODY_RATE,
            tunnel_timeout: None,
            docroot: None,
            sendfileroot: None,
            error_pages: ErrorPages::default(),
            compress: Vec::new(),
            redirect_to_https: None,
            hsts: None,
        }
    }

    /// Where its backends dial in, over all pools.
    pub fn outgoing(&self) -> impl Iterator<Item = &Outgoing> {
        self.pools.iter().flat_map(|pool| &pool.outgoing)
    }

    /// From paths to the indices of `pools`.
    pub fn pool_table(&self) -> PoolTable {
        PoolTable::new(self.pools.iter().map(|pool| &pool.prefix))
    }

    /// What logs and messages call a pool: the site's name, and the prefix if it has one.
    pub fn pool_name(&self, pool: &PoolConfig) -> String {
        if pool.prefix.is_root() { self.name.clone() } else { format!("{}{}", self.name, pool.prefix) }
    }
}

/// The keys of `limits`: what holds for every client of the proxy, since it is decided before the site is known (a head
/// must be read to know its host) or while there is none (an idle connection).
///
/// What a body may be is the site's to say: [`SiteConfig::max_body`], [`SiteConfig::body_rate`]. In the file both may
/// stand in `limits` too, for all sites.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// `request_line`: bytes of method, target and version; more is answered 414. 8 KiB by default, what
    /// RFC 9112 3 asks for at least.
    pub request_line: usize,
    /// `head`: bytes of the request line and all headers; more is answered 431. 32 KiB by default: every
    /// browser's cookies fit.
    pub head: usize,
    /// `headers`: how many headers; more are answered 431. 100 by default; browsers send about 20.
    pub headers: usize,
    /// `head_timeout`: the time for a whole head from its first byte on; then 408. 10 s by default.
    pub head_timeout: Duration,
    /// `idle_timeout`: how long a connection without a request stays open. 60 s by default: browsers come
    /// back within it, and an idle connection costs only 1 to 2 KiB. While others wait to come in, or memory is short, 5 s.
    pub idle_timeout: Duration,
    /// `connections`: how many clients may be connected at once; the next ones wait in the listener's
    /// backlog. 50,000 by default: about 75 MiB when all of them idle.
    pub connections: usize,
    /// `handshake_timeout`: the time for all that comes before a first request: a header of the PROXY protocol and the
    /// handshake of TLS. 10 s by default, as for a head.
    pub handshake_timeout: Duration,
    /// `handshakes`: how many clients may be at that at once; when there is one more, the one that has taken longest is
    /// dropped. 2,000 by default: about 80 MiB at worst, and far more than are there unless somebody holds the door.
    pub handshakes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            request_line: 8 * 1024,
            head: 32 * 1024,
            headers: 100,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            connections: 50_000,
            handshake_timeout: Duration::from_secs(10),
            handshakes: 2_000,
        }
    }
}

/// The keys of `log`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// `access`: one line per request: `on` (standard output, the default), `off`, or a file.
    pub access: AccessLog,
    /// `error`: the file for everything else; standard error by default. Both files are opened anew by
    /// a reload (SIGHUP), so log rotation needs nothing more.
    pub error: Option<PathBuf>,
    /// `level`: the least important line that is written to `error`. `info` by default.
    pub level: LogLevel,
}

/// Where the access log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// Standard output, as containers and service supervisors expect.
    #[default]
    Stdout,
    /// A file, appended to.
    File(PathBuf),
}

/// How important a log line must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed that needs a person.
    Error,
    /// Something is not as it should be.
    Warn,
    /// Starts, stops, backends that come and go.
    #[default]
    Info,
    /// Why a connection was closed, and the like.
    Debug,
    /// Everything.
    Trace,
}

/// What kind of process the proxy becomes. None of it changes by a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// `daemonize`: leave the terminal and run in the background. False by default.
    pub daemonize: bool,
    /// `pidfile`: the file that holds the process id while the proxy runs. None by default.
    pub pidfile: Option<PathBuf>,
    /// `user`: who to become once all addresses are bound. None by default: stay who started it.
    pub user: Option<Identity>,
    /// `group`: the group to become a member of. By default the user's own.
    pub group: Option<Identity>,
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By its name.
    Name(String),
    /// By its number.
    Number(u32),
}
