//! The connector for Ruby: `Swiftiply::Connector`, `Swiftiply::Request` and `Swiftiply::Reply`.
//!
//! A thin layer: it converts values, lets waits happen outside of Ruby's global lock (GVL), and turns errors into
//! exceptions that are defined in Ruby (`swiftiply/errors.rb`, loaded before this library). The types of Ruby's side are
//! in the gem's `sig/`.
//!
//! Ractors are not supported: the library does not declare itself safe for them, so Ruby raises if one uses it.

// Nothing in here is for other Rust code; what is public is the entry point that Ruby looks for.
#![allow(missing_docs)]

mod connector;
mod errors;
mod notice;
mod options;
mod plain;
mod raw;
mod reply;
mod request;
mod variables;

use magnus::{Class, Error, Module, Object, RModule, Ruby, TypedData, function, method};

use connector::Connector;
use reply::Reply;
use request::Request;

#[magnus::init(name = "swiftiply_ruby")]
fn init(ruby: &Ruby) -> Result<(), Error> {
    let swiftiply = ruby.define_module("Swiftiply")?;
    variables::init(ruby);
    define_connector(ruby, swiftiply)?;
    define_request(ruby, swiftiply)?;
    define_reply(ruby, swiftiply)?;
    look_classes_up(ruby);
    Ok(())
}

/// Finds every class that is needed later, while no other thread can want it. Magnus would do it at the first use, under a
/// lock that is kept when Ruby switches threads in the middle; another thread that then waits for it keeps the GVL, and
/// the process stands still for good.
fn look_classes_up(ruby: &Ruby) {
    Connector::class(ruby);
    Request::class(ruby);
    Reply::class(ruby);
    errors::look_classes_up(ruby);
}

fn define_connector(ruby: &Ruby, swiftiply: RModule) -> Result<(), Error> {
    let class = swiftiply.define_class("Connector", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_singleton_method("new", function!(Connector::new, -1))?;
    class.define_singleton_method("forked", function!(Connector::forked, 0))?;
    class.define_method("take", method!(Connector::take, 0))?;
    class.define_method("drain", method!(Connector::drain, 0))?;
    class.define_method("stop", method!(Connector::stop, 0))?;
    class.define_method("slots=", method!(Connector::set_slots, 1))?;
    class.define_method("next_notice", method!(Connector::next_notice, 0))?;
    class.define_method("status", method!(Connector::status, 0))
}

fn define_request(ruby: &Ruby, swiftiply: RModule) -> Result<(), Error> {
    let class = swiftiply.define_class("Request", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("environment", method!(Request::environment, 1))?;
    class.define_method("answer", method!(Request::answer, 4))?;
    class.define_method("request_method", method!(Request::request_method, 0))?;
    class.define_method("scheme", method!(Request::scheme, 0))?;
    class.define_method("version", method!(Request::version, 0))?;
    class.define_method("authority", method!(Request::authority, 0))?;
    class.define_method("path", method!(Request::path, 0))?;
    class.define_method("query", method!(Request::query, 0))?;
    class.define_method("peer", method!(Request::peer, 0))?;
    class.define_method("local", method!(Request::local, 0))?;
    class.define_method("headers", method!(Request::headers, 0))?;
    class.define_method("content_length", method!(Request::content_length, 0))?;
    class.define_method("body?", method!(Request::has_body, 0))?;
    class.define_method("replay?", method!(Request::is_replay, 0))?;
    class.define_method("read", method!(Request::read, 1))?;
    class.define_method("read_available", method!(Request::read_available, 1))?;
    class.define_method("trailers", method!(Request::trailers, 0))?;
    class.define_method("disconnected?", method!(Request::is_disconnected, 0))?;
    class.define_method("upgrade?", method!(Request::offers_upgrade, 0))?;
    class.define_method("claim_tunnel", method!(Request::claim_tunnel, 0))?;
    class.define_method("hand_over", method!(Request::hand_over, 1))?;
    class.define_method("reply", method!(Request::reply, 0))?;
    class.define_method("inspect", method!(Request::inspect, 0))
}

fn define_reply(ruby: &Ruby, swiftiply: RModule) -> Result<(), Error> {
    let class = swiftiply.define_class("Reply", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("inform", method!(Reply::inform, 2))?;
    class.define_method("send_whole", method!(Reply::send_whole, 3))?;
    class.define_method("start", method!(Reply::start, 2))?;
    class.define_method("write", method!(Reply::write, 1))?;
    class.define_method("flush", method!(Reply::flush, 0))?;
    class.define_method("finish", method!(Reply::finish, 0))?;
    class.define_method("abort", method!(Reply::abort, 1))?;
    class.define_method("hold_slot", method!(Reply::hold_slot, 0))?;
    class.define_method("release_slot", method!(Reply::release_slot, 0))?;
    class.define_method("started?", method!(Reply::has_begun, 0))?;
    class.define_method("ended?", method!(Reply::has_ended, 0))
}
