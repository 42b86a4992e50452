//! One request: its head as the link will carry it, and what has to be remembered of it.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Once;
use std::time::Instant;

use arrayvec::ArrayString;
use swiftiply_wire::{Method, RequestFields, RequestFlags, RequestHead, Scheme};

use super::own::Own;
use super::secure::Redirect;
use super::tunnel::Tunnel;
use super::upload::Upload;
use crate::access::{self, Outcome};
use crate::compress::{Accepted, Coding};
use crate::config::{NoPool, SendfileRoot, SiteConfig};
use crate::exchange::{Exchange, Rules};
use crate::http::{Framing, Head, forward};
use crate::link::Link;
use crate::shard::{PoolHere, Shard, SiteHere};

/// Memory for heads and for the beginnings of bodies that is kept for the next request: most of them fit, and what had to
/// grow beyond is given back.
const BYTES_KEPT_MAX: usize = 4 * 1024;

/// Requests whose memory a shard keeps while nobody uses it: as many as are often under way at once. Each costs 2 KiB
/// mostly, and 24 KiB at worst.
const SPARE_MAX: usize = 256;

/// Who sends the requests of a connection.
pub(super) struct Client {
    peer: SocketAddr,
    /// Its IP address, as logs and headers name it.
    pub address: ArrayString<ADDRESS_BYTES_MAX>,
    /// Where it connected to; mostly shared with all others.
    local: Option<Rc<SocketAddr>>,
    /// How its URLs begin.
    scheme: Scheme,
}

/// The longest IPv6 address as text (`INET6_ADDRSTRLEN` without its NUL).
const ADDRESS_BYTES_MAX: usize = 45;

impl Client {
    pub(super) fn new(peer: SocketAddr, local: Option<Rc<SocketAddr>>, scheme: Scheme) -> Self {
        let mut address = ArrayString::new();
        // It fits.
        let _ = write!(address, "{}", peer.ip().to_canonical());
        Self { peer, address, local, scheme }
    }
}

/// One request of a client. Its memory comes from [`Spare`] and goes back there, so that a client that idles has none and
/// a request that comes needs no allocation.
#[derive(Default)]
pub(super) struct Request {
    /// Whose it is; none if no site has its host.
    pub site: Option<Rc<SiteHere>>,
    /// Where it goes; none without a site.
    pool: Option<Result<Rc<PoolHere>, NoPool>>,
    /// Where the client is sent instead, if the site is for those with TLS.
    pub redirect: Option<Box<Redirect>>,
    /// The payload of its REQUEST frame, kept for a replay and for the access log.
    pub head: Vec<u8>,
    /// The flags of that frame.
    pub flags: RequestFlags,
    /// What the reply must respect.
    pub rules: Rules,
    /// Whether the client has said that it sends nothing more after it.
    pub is_last: bool,
    /// Whether it may run twice (RFC 9110 section 9.2.2).
    pub is_idempotent: bool,
    /// Its body.
    pub upload: Upload,
    /// What it has become, if the app has switched protocols.
    pub tunnel: Option<Box<Tunnel>>,
    /// When its head was there, if anybody wants to know.
    pub began: Option<Instant>,
    /// How often it was given to a backend.
    pub deliveries: u32,
    /// Whether the app is known to have begun to run it, in one of them.
    pub was_started: bool,
    /// For the access log.
    pub outcome: Outcome,
    exchange: Rc<Exchange>,
}

/// The memory of requests that are over.
#[derive(Default)]
#[expect(
    clippy::vec_box,
    reason = "a request that goes from here to a task and back is too large to be copied each time"
)]
pub struct Spare(RefCell<Vec<Box<Request>>>);

impl fmt::Debug for Spare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spare({})", self.0.borrow().len())
    }
}

impl Spare {
    fn take(&self) -> Box<Request> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    /// This request is over. `out` is the buffer from which its reply was written.
    pub(super) fn give_back(&self, mut request: Box<Request>, out: &mut Vec<u8>) {
        request.rest(out);
        let mut spare = self.0.borrow_mut();
        if spare.len() < SPARE_MAX {
            spare.push(request);
        }
    }
}

/// The status in the log of a client that left before its reply (nginx's convention).
const CLIENT_LEFT: u16 = 499;

impl Request {
    /// Writes the head down for the link.
    pub(super) fn new(head: &Head<'_>, shard: &Shard, client: &Client) -> Box<Self> {
        let directory = shard.directory();
        let site = directory.find(head.authority.as_ref().map(|authority| &*authority.host)).cloned();
        let settings = site.as_ref().map(|site| site.settings());
        let limits = directory.http_limits();
        if head.underscored > 0 {
            report_underscores(head);
        }
        let mut request = shard.spare_requests.take();
        let tells_forwarded = settings.is_none_or(|site| site.xforwardedfor);
        let trusted =
            directory.config().trusted_proxies.iter().any(|network| network.contains(client.peer.ip()));
        let sendfileroot = settings.and_then(|site| site.sendfileroot.as_deref());
        encode(&mut request.head, head, client, trusted, tells_forwarded, sendfileroot);
        let wants_tls = settings.filter(|site| site.redirect_to_https.is_some() || site.hsts.is_some());
        let is_secure =
            client.scheme == Scheme::Https || (wants_tls.is_some() && trusted && forward::says_https(head));
        request.redirect = wants_tls.filter(|_| !is_secure).and_then(|site| Redirect::of(head, site));
        request.flags = RequestFlags {
            end: matches!(head.framing, Framing::None | Framing::Length(0)),
            expects_continue: head.expect_continue,
            upgrade: head.upgrade.is_some(),
            replay: false,
        };
        request.rules = Rules {
            version: head.version,
            head_only: head.method == "HEAD",
            keep_alive: head.keep_alive && !shard.is_draining(),
            expects_continue: head.expect_continue,
            te_trailers: head.te_trailers,
            upgrade: head.upgrade.is_some(),
            head_bytes_max: limits.reply_head_bytes_max,
            compress: settings.filter(|site| !site.compress.is_empty()).map(|site| wanted_coding(head, site)),
            sends_files: settings.is_some_and(|site| site.sendfileroot.is_some()),
            is_proxy: trusted,
            hsts: wants_tls.filter(|_| is_secure).and_then(|site| site.hsts),
        };
        request.is_last = !head.keep_alive;
        request.is_idempotent = Method::new(head.method.as_bytes()).is_idempotent();
        request.upload.begin(head, limits, settings);
        request.began = shard.access.clock();
        request.pool = site.as_ref().map(|site| site.pool(head.target.path).cloned());
        request.site = site;
        request
    }

    /// Forgets all but its memory.
    fn rest(&mut self, out: &mut Vec<u8>) {
        self.head.clear();
        self.head.shrink_to(BYTES_KEPT_MAX);
        self.upload.rest(BYTES_KEPT_MAX);
        self.exchange.rest(out);
        self.site = None;
        self.redirect = None;
        self.tunnel = None;
        self.pool = None;
        self.outcome = Outcome::default();
        self.deliveries = 0;
        self.was_started = false;
    }

    /// Where it goes.
    ///
    /// # Errors
    /// The answer, if that is nowhere.
    pub(super) fn pool(&self) -> Result<Rc<PoolHere>, Own> {
        match &self.pool {
            Some(Ok(pool)) => Ok(pool.clone()),
            Some(Err(NoPool::Unserved)) => Err(Own::new(404, "No app of this site serves this path.")),
            Some(Err(NoPool::Ambiguous)) => Err(Own::new(
                400,
                "The path could be read as that of two apps; write it without dot segments, double slashes and needless escapes.",
            )),
            None => Err(Own::new(404, "No site of this proxy has this host name.")),
        }
    }

    /// What logs call the place where it went, as far as it came.
    pub(super) fn destination(&self) -> Option<&str> {
        match &self.pool {
            Some(Ok(pool)) => Some(pool.name()),
            _ => self.site.as_ref().map(|site| site.name()),
        }
    }

    /// An exchange for one delivery, to a backend that takes `window` bytes of the body at first.
    pub(super) fn exchange(&mut self, window: u32) -> Rc<Exchange> {
        // A link that has not heard the end of an earlier delivery keeps that one's.
        if Rc::strong_count(&self.exchange) > 1 {
            self.exchange = Rc::default();
        }
        self.exchange.begin(self.rules, window, self.upload.left());
        self.exchange.clone()
    }

    /// Another backend gets it, from its beginning.
    pub(super) fn begin_again(&mut self) -> Result<(), Own> {
        if !self.upload.is_kept() {
            return Err(Own::later(
                "The process that was to run this request was busy, and its body is gone.",
            ));
        }
        self.upload.rewind();
        self.flags.replay = true;
        Ok(())
    }

    /// The client has left; nobody is there to be answered.
    pub(super) fn client_gone(&mut self) {
        if self.outcome.status == 0 {
            self.outcome.status = CLIENT_LEFT;
        }
    }

    /// Whether the site allows that this request is given to another backend although it was started.
    pub(super) fn is_redeployable(&self) -> bool {
        self.site.as_ref().is_some_and(|site| site.settings().redeployable) && self.upload.is_redeployable()
    }

    /// A delivery has ended, one way or another.
    pub(super) fn note_delivery(&mut self, link: &Rc<Link>, exchange: &Exchange) {
        let summary = exchange.summary();
        self.was_started |= exchange.is_started();
        if exchange.is_continued() {
            // The client is told once; another backend gets the body like any other.
            self.flags.expects_continue = false;
            self.rules.expects_continue = false;
        }
        self.outcome.backend = Some(link.clone());
        self.outcome.status = summary.status;
        self.outcome.body_bytes = summary.body_bytes;
    }

    /// It was answered from a file.
    pub(super) fn note_file(&mut self, exchange: &Exchange) {
        let summary = exchange.summary();
        self.outcome.status = summary.status;
        self.outcome.body_bytes = summary.body_bytes;
    }

    /// The request line, for a message.
    pub(super) fn line(&self) -> String {
        access::request_line(&self.head)
    }
}

/// The coding in which the client would like to have its reply, of those that the site offers.
fn wanted_coding(head: &Head<'_>, site: &SiteConfig) -> Option<Coding> {
    let values = head.headers().filter(|(name, _)| name.eq_ignore_ascii_case(b"accept-encoding"));
    Accepted::read(values.map(|(_, value)| value)).best(&site.compress)
}

/// Said once: whoever meant the header finds the reason in the log, and nobody can fill the log with it.
fn report_underscores(head: &Head<'_>) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let (method, path) = (head.method, head.target.path);
        tracing::warn!(
            "headers with an underscore in their name are dropped, as apps could not tell them from others; first seen in {method} {path}"
        );
    });
}

fn encode(
    bytes: &mut Vec<u8>,
    head: &Head<'_>,
    client: &Client,
    trusted: bool,
    tells_forwarded: bool,
    sendfileroot: Option<&SendfileRoot>,
) {
    let fields = RequestFields {
        method: head.method.as_bytes(),
        scheme: client.scheme,
        version: head.version,
        authority: head.authority.as_ref().map_or(b"", |authority| authority.text.as_bytes()),
        path: head.target.path.as_bytes(),
        query: head.target.query.map(str::as_bytes),
        peer: Some(client.peer),
        local: client.local.as_deref().copied(),
        body: head.framing.into(),
    };
    let peer = forward::Peer { address: &client.address, scheme: client.scheme, trusted };
    RequestHead::write(bytes, &fields, |headers| {
        forward::request(head, &peer, |name, value| {
            let is_replaced = sendfileroot.is_some() && forward::is_about_files(name);
            if (tells_forwarded || !forward::is_x_forwarded(name)) && !is_replaced {
                headers.push_name(name, value);
            }
        });
        if let Some(root) = sendfileroot {
            headers.push(b"X-Sendfile-Type", b"X-Sendfile");
            root.mapping.iter().for_each(|mapping| headers.push(b"X-Accel-Mapping", mapping.as_bytes()));
        }
    });
}
