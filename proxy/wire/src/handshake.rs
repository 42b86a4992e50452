//! The values of the handshake. Who sends what when stands in `PROTOCOL.md`, section 4.

use crate::bytes::{Take, put_text};
use crate::{Nonce, VERSION_MAX, VERSION_MIN, WireError};

/// Which of the links of one backend this is: one per shard of the proxy, from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkIndex {
    /// The backend's first link to this proxy: it does not know yet how many are wanted.
    First,
    /// The link for this shard, below 65,535.
    Shard(u16),
}

const FIRST: u16 = 0xFFFF;

/// A backend introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The lowest protocol version that it speaks.
    pub version_min: u8,
    /// The highest.
    pub version_max: u8,
    /// Random, the same on all links of one process: so the proxy knows which links belong together.
    pub backend: [u8; 16],
    /// Which of its links this is.
    pub link: LinkIndex,
    /// How many requests it can run at once, at least 1.
    pub slots: u16,
    /// Bytes of request body that it takes per stream before it grants more.
    pub window: u32,
    /// Its process.
    pub pid: u32,
    /// Fresh for this link.
    pub nonce: Nonce,
    /// `ruby 3.1.2`
    pub language: String,
    /// `swiftiply-rack 0.9.0`
    pub adapter: String,
    /// The name of its machine.
    pub host: String,
    /// The release of the app, as the operator calls it; may be empty.
    pub label: String,
}

impl Hello {
    /// The version that both sides speak: the highest in common, if there is one.
    pub fn common_version(&self) -> Option<u8> {
        let highest = self.version_max.min(VERSION_MAX);
        (highest >= self.version_min.max(VERSION_MIN)).then_some(highest)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.version_min, self.version_max]);
        out.extend_from_slice(&self.backend);
        let link = match self.link {
            LinkIndex::First => FIRST,
            LinkIndex::Shard(shard) => shard,
        };
        out.extend_from_slice(&link.to_be_bytes());
        out.extend_from_slice(&self.slots.to_be_bytes());
        out.extend_from_slice(&self.window.to_be_bytes());
        out.extend_from_slice(&self.pid.to_be_bytes());
        out.extend_from_slice(&self.nonce);
        for text in [&self.language, &self.adapter, &self.host, &self.label] {
            put_text(out, text);
        }
    }

    pub(crate) fn read(payload: &[u8]) -> Result<Self, WireError> {
        let mut from = Take::new(payload);
        Ok(Self {
            version_min: from.u8("version_min")?,
            version_max: from.u8("version_max")?,
            backend: from.array("backend")?,
            link: match from.u16("link")? {
                FIRST => LinkIndex::First,
                shard => LinkIndex::Shard(shard),
            },
            slots: match from.u16("slots")? {
                slots @ 1..=crate::limits::SLOTS_MAX => slots,
                _ => return Err(WireError::BadValue { field: "slots" }),
            },
            window: from.u32("window")?,
            pid: from.u32("pid")?,
            nonce: from.array("nonce")?,
            language: from.text("language")?,
            adapter: from.text("adapter")?,
            host: from.text("host")?,
            label: from.text("label")?,
        })
    }
}

/// The proxy asks for proof of the site's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    /// Fresh for this link.
    pub nonce: Nonce,
}

/// The backend's answer to a [`Challenge`]; see [`crate::backend_proof`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// HMAC-SHA256.
    pub mac: [u8; 32],
}

/// The link counts from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Welcome {
    /// The protocol version of everything that follows.
    pub version: u8,
    /// Random, the same for the life of one proxy process.
    pub proxy: [u8; 16],
    /// The shard that this link now belongs to, below `links`.
    pub shard: u16,
    /// How many links this backend is asked to bring, this one included, at least 1. It is in service when all are there.
    pub links: u16,
    /// Bytes of reply body that the proxy takes per stream before it grants more.
    pub window: u32,
    /// Milliseconds, at least 1. Either side that hears nothing for so long sends PING, and for twice as long gives the
    /// link up.
    pub ping_interval_ms: u32,
    /// The proxy's own proof of the key (see [`crate::proxy_proof`]), or zeros if the site has none.
    pub proof: [u8; 32],
}

impl Welcome {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.version);
        out.extend_from_slice(&self.proxy);
        out.extend_from_slice(&self.shard.to_be_bytes());
        out.extend_from_slice(&self.links.to_be_bytes());
        out.extend_from_slice(&self.window.to_be_bytes());
        out.extend_from_slice(&self.ping_interval_ms.to_be_bytes());
        out.extend_from_slice(&self.proof);
    }

    pub(crate) fn read(payload: &[u8]) -> Result<Self, WireError> {
        let mut from = Take::new(payload);
        Self {
            version: from.u8("version")?,
            proxy: from.array("proxy")?,
            shard: from.u16("shard")?,
            links: from.u16("links")?,
            window: from.u32("window")?,
            ping_interval_ms: from.u32("ping_interval_ms")?,
            proof: from.array("proof")?,
        }
        .checked()
    }

    /// A backend counts to `links` and divides time by the interval: neither may lead it astray.
    fn checked(self) -> Result<Self, WireError> {
        match self {
            Self { links: 0, .. } => Err(WireError::BadValue { field: "links" }),
            Self { shard, links, .. } if shard >= links => Err(WireError::BadValue { field: "shard" }),
            Self { ping_interval_ms: 0, .. } => Err(WireError::BadValue { field: "ping_interval_ms" }),
            sound => Ok(sound),
        }
    }
}

/// Why a link was refused; the number is its code on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// 1: The proof did not fit the site's key.
    WrongKey,
    /// 2: No protocol version in common.
    Version,
    /// 3: The proxy is going down; dial again later.
    Closing,
    /// 4: More links or backends than the proxy takes.
    TooMany,
    /// 5: The handshake made no sense.
    Malformed,
    /// Another number, of a later version.
    Other(u8),
}

impl RefusalCode {
    /// Whether only an operator can lift it: dialling again soon is pointless.
    pub fn is_permanent(self) -> bool {
        matches!(self, Self::WrongKey | Self::Version | Self::Malformed)
    }

    fn number(self) -> u8 {
        match self {
            Self::WrongKey => 1,
            Self::Version => 2,
            Self::Closing => 3,
            Self::TooMany => 4,
            Self::Malformed => 5,
            Self::Other(number) => number,
        }
    }

    fn from_number(number: u8) -> Self {
        match number {
            1 => Self::WrongKey,
            2 => Self::Version,
            3 => Self::Closing,
            4 => Self::TooMany,
            5 => Self::Malformed,
            other => Self::Other(other),
        }
    }
}

/// The link does not count; the proxy closes it after this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For the program.
    pub code: RefusalCode,
    /// One sentence for the operator; the adapter prints it.
    pub reason: String,
}

impl Refusal {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.code.number());
        put_text(out, &self.reason);
    }

    pub(crate) fn read(payload: &[u8]) -> Result<Self, WireError> {
        let mut from = Take::new(payload);
        Ok(Self { code: RefusalCode::from_number(from.u8("code")?), reason: from.text("reason")? })
    }
}
