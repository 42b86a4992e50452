//! One request: its head as the link will carry it, and what has to be remembered of it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Once;
use std::time::Instant;

use swiftiply_wire::{Body, Method, RequestFields, RequestFlags, RequestHead, Scheme};

use super::Own;
use super::upload::Upload;
use crate::access::{Outcome, RequestLine};
use crate::exchange::{Exchange, Rules};
use crate::http::{Framing, Head, forward};
use crate::link::Link;
use crate::shard::{Directory, SiteHere};

/// Bytes of a browser's head on the link; a longer one grows.
const HEAD_BYTES_USUAL: usize = 1024;

/// Who sends the requests of a connection.
pub(super) struct Client {
    peer: SocketAddr,
    /// Its IP address, as logs and headers name it.
    pub address: String,
    /// Where it connected to.
    local: Option<SocketAddr>,
}

impl Client {
    pub(super) fn new(peer: SocketAddr, local: Option<SocketAddr>) -> Self {
        Self { peer, address: peer.ip().to_canonical().to_string(), local }
    }
}

/// One request of a client.
pub(super) struct Request {
    /// Where it goes; none if no site has its host.
    pub site: Option<Rc<SiteHere>>,
    /// The payload of its REQUEST frame, kept for a replay.
    pub head: Vec<u8>,
    /// The flags of that frame.
    pub flags: RequestFlags,
    /// What the reply must respect.
    pub rules: Rules,
    /// Whether it may run twice (RFC 9110 section 9.2.2).
    pub is_idempotent: bool,
    /// Its body.
    pub upload: Upload,
    /// When its head was there.
    pub began: Instant,
    /// How often it was given to a backend.
    pub deliveries: u32,
    /// Whether the app is known to have begun to run it, in one of them.
    pub was_started: bool,
    /// For the access log.
    pub log: RequestLine,
    /// For the access log.
    pub outcome: Outcome,
}

/// The status in the log of a client that left before its reply (nginx's convention).
const CLIENT_LEFT: u16 = 499;

impl Request {
    /// Writes the head down for the link.
    pub(super) fn new(head: &Head<'_>, directory: &Directory, client: &Client, is_draining: bool) -> Self {
        let site = directory.find(head.authority.as_ref().map(|authority| &*authority.host)).cloned();
        let settings = site.as_ref().map(|site| site.settings());
        let head_only = head.method == "HEAD";
        let limits = directory.http_limits();
        if head.underscored > 0 {
            report_underscores(head);
        }
        Self {
            head: encode(head, directory, client, settings.is_none_or(|site| site.xforwardedfor)),
            flags: RequestFlags {
                end: matches!(head.framing, Framing::None | Framing::Length(0)),
                expects_continue: head.expect_continue,
                upgrade: head.upgrade.is_some(),
                replay: false,
            },
            rules: Rules {
                version: head.version,
                head_only,
                keep_alive: head.keep_alive && !is_draining,
                expects_continue: head.expect_continue,
                te_trailers: head.te_trailers,
                upgrade: head.upgrade.is_some(),
                limits: limits.clone(),
            },
            is_idempotent: Method::new(head.method.as_bytes()).is_idempotent(),
            upload: Upload::new(head, limits, &directory.config().limits, settings),
            began: Instant::now(),
            deliveries: 0,
            was_started: false,
            log: RequestLine::new(head),
            outcome: Outcome { site: site.clone(), ..Outcome::default() },
            site,
        }
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

    /// The request line, for a message.
    pub(super) fn line(&self) -> &str {
        self.log.line()
    }
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

fn encode(head: &Head<'_>, directory: &Directory, client: &Client, tells_forwarded: bool) -> Vec<u8> {
    let fields = RequestFields {
        method: head.method.as_bytes(),
        scheme: Scheme::Http,
        version: head.version,
        authority: head.authority.as_ref().map_or(b"", |authority| authority.text.as_bytes()),
        path: head.target.path.as_bytes(),
        query: head.target.query.map(str::as_bytes),
        peer: Some(client.peer),
        local: client.local,
        body: match head.framing {
            Framing::None => Body::None,
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => Body::Unknown,
        },
    };
    let trusted = directory.config().trusted_proxies.iter().any(|network| network.contains(client.peer.ip()));
    let peer = forward::Peer { address: &client.address, scheme: Scheme::Http, trusted };
    let mut bytes = Vec::with_capacity(HEAD_BYTES_USUAL);
    RequestHead::write(&mut bytes, &fields, |headers| {
        forward::request(head, &peer, |name, value| {
            if tells_forwarded || !name.as_bytes().starts_with(b"X-Forwarded-") {
                headers.push_name(name, value);
            }
        });
    });
    bytes
}
