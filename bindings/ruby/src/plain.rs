//! Replies as plain as most are: a number, a Hash of strings and an Array of strings. They leave in one call. What is in any
//! way unusual or wrong is for the adapter, whose `lib/swiftiply/rack/reply_writer.rb` does the same to these.

use std::cell::RefCell;

use magnus::r_hash::ForEach;
use magnus::{Error, Fixnum, RArray, RClass, RHash, RString, Ruby, Value};
use swiftiply_connector::{ReplyError, ReplyHead, Request};

use crate::errors;
use crate::raw::{bytes_of, plain_array, plain_hash};
use crate::reply::Reply;

/// Several strings are joined up to this size; more is not copied together (`Limits::JOIN_BYTES_MAX`).
const JOIN_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    /// The memory in which this native thread makes its replies, used again and again.
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        head: ReplyHead::new(200).expect("200 is a status"),
        body: Vec::new(),
    });
}

struct Scratch {
    head: ReplyHead,
    body: Vec<u8>,
}

/// Sends a reply if it is plain, and returns whether it was. `rack_headers` is the subclass of Hash that Rack itself has for
/// headers, which gives what it keeps.
pub(crate) fn answer(
    ruby: &Ruby,
    request: &Request,
    (status, headers, body): (Value, Value, Value),
    rack_headers: RClass,
) -> Result<bool, Error> {
    let (Some(status), Some(headers), Some(body)) =
        (plain_status(status), plain_hash(ruby, headers, rack_headers), plain_array(ruby, body))
    else {
        return Ok(false);
    };
    if request.head().method().as_bytes() == b"HEAD" {
        return Ok(false);
    }
    match SCRATCH.with_borrow_mut(|scratch| send(request, status, headers, body, scratch)) {
        None => Ok(false),
        Some(Err(error)) => Err(errors::reply(ruby, &error)),
        Some(Ok(rest)) if rest.is_empty() => Ok(true),
        Some(Ok(rest)) => Reply::from(request.reply()).complete(ruby, &rest).map(|()| true),
    }
}

/// Of those that have a body.
fn plain_status(status: Value) -> Option<u16> {
    let status = u16::try_from(Fixnum::from_value(status)?.to_i64()).ok()?;
    ((200..=599).contains(&status) && !matches!(status, 204 | 205 | 304)).then_some(status)
}

/// Gives what the window did not take at once; `None` if the reply is not plain after all, and nothing was sent.
fn send(
    request: &Request,
    status: u16,
    headers: RHash,
    body: RArray,
    Scratch { head, body: joined }: &mut Scratch,
) -> Option<Result<Vec<u8>, ReplyError>> {
    head.reuse(status).ok()?;
    put_headers(headers, head)?;
    let send = |bytes: &[u8]| {
        let taken = request.reply().send(head, bytes)?;
        Ok(bytes[taken..].to_vec())
    };
    if body.len() == 1 {
        return Some(bytes_of(string_at(body, 0)?, send));
    }
    joined.clear();
    for at in 0..body.len() {
        bytes_of(string_at(body, at)?, |bytes| joined.extend_from_slice(bytes));
        if joined.len() > JOIN_BYTES_MAX {
            return None;
        }
    }
    Some(send(joined))
}

fn put_headers(headers: RHash, head: &mut ReplyHead) -> Option<()> {
    let mut all = Some(());
    let walked = headers.foreach(|name: Value, value: Value| {
        all = put_header(name, value, head);
        Ok(if all.is_some() { ForEach::Continue } else { ForEach::Stop })
    });
    walked.ok().and(all)
}

/// The value is a String, or an Array of them (Rack 3).
fn put_header(name: Value, value: Value, head: &mut ReplyHead) -> Option<()> {
    let name = RString::from_value(name)?;
    if bytes_of(name, is_special) {
        return None;
    }
    let mut put =
        |value: RString| bytes_of(name, |name| bytes_of(value, |value| head.push(name, value))).ok();
    match RArray::from_value(value) {
        None => put(RString::from_value(value)?),
        Some(values) => (0..values.len()).try_for_each(|at| put(string_at(values, at)?)),
    }
}

/// Whether a header is meant for the server, or says that the body is not what it seems.
fn is_special(name: &[u8]) -> bool {
    let begins = |with: &[u8]| name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    match name.len() {
        6 if begins(b"status") => true,
        17 if begins(b"transfer-encoding") => true,
        _ => begins(b"rack."),
    }
}

fn string_at(array: RArray, at: usize) -> Option<RString> {
    array.entry::<Value>(at as isize).ok().and_then(RString::from_value)
}
