//! One turn's events as the flat array that `turn` in `backend.js` reads; its shape is described in `native.js`.

use std::collections::HashMap;

use napi::bindgen_prelude::{Array, BufferSlice, Null};
use napi::{Env, Result};
use swiftiply_connector::{Body, Event, Read, Request, StreamKey};

use crate::connector::Exchange;
use crate::{notice, request};

// As `EVENT` in `native.js`.
const REQUEST: u32 = 0;
const READABLE: u32 = 1;
const WRITABLE: u32 = 2;
const DISCONNECTED: u32 = 3;
const NOTICE: u32 = 4;
const ENDED: u32 = 5;

// As `BODY` in `native.js`.
const NONE: u32 = 0;
const HERE: u32 = 1;
const LATER: u32 = 2;
const UPGRADE: u32 = 3;

/// Bytes of a body that is handed over with its head if it is here already: most forms and JSON documents are shorter,
/// and a longer one is better read when the app wants it.
const BODY_WITH_HEAD_MAX: u64 = 64 * 1024;

/// Makes the array, and keeps the new exchanges.
pub(crate) fn array<'env>(
    env: &'env Env,
    events: Vec<Event>,
    exchanges: &mut HashMap<u64, Exchange>,
) -> Result<Array<'env>> {
    let mut out = Flat { array: env.create_array(0)?, env };
    for event in events {
        match event {
            Event::Request(request) => {
                let exchange = out.request(request)?;
                exchanges.insert(exchange.request.key().as_u64(), exchange);
            }
            Event::Readable(key) => out.about(READABLE, key)?,
            Event::Writable(key) => out.about(WRITABLE, key)?,
            Event::Disconnected(key) => out.about(DISCONNECTED, key)?,
            Event::Notice(notice) => {
                out.array.insert(NOTICE)?;
                out.array.insert(notice::level(notice.level))?;
                out.array.insert(notice::kind(notice.kind))?;
                out.array.insert(notice.text)?;
            }
            Event::Ended => out.array.insert(ENDED)?,
        }
    }
    Ok(out.array)
}

struct Flat<'env> {
    array: Array<'env>,
    env: &'env Env,
}

impl Flat<'_> {
    fn about(&mut self, event: u32, key: StreamKey) -> Result<()> {
        self.array.insert(event)?;
        self.array.insert(key.as_u64() as f64)
    }

    fn request(&mut self, request: Request) -> Result<Exchange> {
        self.about(REQUEST, request.key())?;
        self.array.insert(self.env.create_string_latin1(request::head_text(request.head()))?)?;
        let mut early = Vec::new();
        let kind = match body_with_head(&request, &mut early) {
            _ if offers_upgrade(&request) => UPGRADE,
            _ if request.head().body().length() == Some(0) => NONE,
            true => HERE,
            false => LATER,
        };
        self.array.insert(kind)?;
        if kind == HERE {
            self.array.insert(BufferSlice::copy_from(self.env, std::mem::take(&mut early))?)?;
        } else {
            self.array.insert(Null)?;
        }
        Ok(Exchange { reply: request.reply(), request, early, raw: None })
    }
}

/// Whether the client offers to upgrade. With a body in between it is served as an ordinary request, since nothing can
/// tell the body's end from what would follow.
fn offers_upgrade(request: &Request) -> bool {
    request.offers_upgrade() && matches!(request.head().body(), Body::None | Body::Length(0))
}

/// Reads a small body that is here already; whether it is whole. A client that waits for `100 Continue` is not told to
/// send by this: that is the app's to decide.
fn body_with_head(request: &Request, early: &mut Vec<u8>) -> bool {
    match request.head().body() {
        Body::Length(1..=BODY_WITH_HEAD_MAX) if !request.expects_continue() => {}
        _ => return false,
    }
    loop {
        match request.try_read(BODY_WITH_HEAD_MAX as usize) {
            Read::Data(data) => early.extend_from_slice(&data),
            Read::End => return true,
            Read::Nothing | Read::Interrupted | Read::Failed(_) => return false,
        }
    }
}
