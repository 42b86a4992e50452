//! `Swiftiply::Request`: one request, with its body still on its way.

use std::os::fd::IntoRawFd;

use magnus::typed_data::Obj;
use magnus::value::ReprValue;
use magnus::{Error, RArray, RClass, RHash, RString, Ruby, Value};
use swiftiply_connector::{Body, Endpoint, Headers, RawReply, Read};

use crate::raw::{self, Waited};
use crate::reply::Reply;
use crate::{errors, plain, variables};

#[magnus::wrap(class = "Swiftiply::Request", free_immediately, size)]
pub(crate) struct Request {
    inner: swiftiply_connector::Request,
}

impl From<swiftiply_connector::Request> for Request {
    fn from(inner: swiftiply_connector::Request) -> Self {
        Self { inner }
    }
}

impl Request {
    /// The environment: a copy of `template` with the variables of this request.
    pub(crate) fn environment(ruby: &Ruby, request: Obj<Self>, template: RHash) -> Result<RHash, Error> {
        variables::environment(ruby, template, request.inner.head(), request.as_value())
    }

    /// Sends a reply that is as plain as most are, and returns whether it was.
    pub(crate) fn answer(
        ruby: &Ruby,
        request: &Self,
        status: Value,
        headers: Value,
        body: Value,
        rack_headers: RClass,
    ) -> Result<bool, Error> {
        plain::answer(ruby, &request.inner, (status, headers, body), rack_headers)
    }

    pub(crate) fn request_method(ruby: &Ruby, request: &Self) -> RString {
        ruby.str_from_slice(request.inner.head().method().as_bytes())
    }

    pub(crate) fn scheme(&self) -> &'static str {
        self.inner.head().scheme().as_str()
    }

    pub(crate) fn version(&self) -> &'static str {
        self.inner.head().version().as_str()
    }

    /// Empty if the client named no host.
    pub(crate) fn authority(ruby: &Ruby, request: &Self) -> RString {
        ruby.str_from_slice(request.inner.head().authority())
    }

    pub(crate) fn path(ruby: &Ruby, request: &Self) -> RString {
        ruby.str_from_slice(request.inner.head().path())
    }

    pub(crate) fn query(ruby: &Ruby, request: &Self) -> Option<RString> {
        request.inner.head().query().map(|query| ruby.str_from_slice(query))
    }

    /// `[address, port]` of the client, or `nil`.
    pub(crate) fn peer(&self) -> Option<(String, u16)> {
        endpoint(self.inner.head().peer())
    }

    /// `[address, port]` that the client connected to, or `nil`.
    pub(crate) fn local(&self) -> Option<(String, u16)> {
        endpoint(self.inner.head().local())
    }

    /// `[[name, value], ...]` as they came.
    pub(crate) fn headers(ruby: &Ruby, request: &Self) -> Result<RArray, Error> {
        pairs(ruby, request.inner.head().headers())
    }

    /// `nil` if there is no body, or none of known length.
    pub(crate) fn content_length(&self) -> Option<u64> {
        match self.inner.head().body() {
            Body::Length(length) => Some(length),
            Body::None | Body::Unknown => None,
        }
    }

    pub(crate) fn has_body(&self) -> bool {
        !matches!(self.inner.head().body(), Body::None | Body::Length(0))
    }

    pub(crate) fn is_replay(&self) -> bool {
        self.inner.is_replay()
    }

    /// What there is of the body, at most `max` bytes; waits for the first of them. `nil` at the end.
    pub(crate) fn read(ruby: &Ruby, request: &Self, max: usize) -> Result<Option<RString>, Error> {
        let inner = &request.inner;
        let mut read = inner.try_read(max);
        loop {
            match read {
                Read::Data(data) => return Ok(Some(request.gather(ruby, data, max))),
                Read::End => return Ok(None),
                Read::Failed(error) => return Err(errors::read(ruby, error)),
                Read::Interrupted => raw::check_interrupts(ruby)?,
                Read::Nothing => {}
            }
            read = match raw::without_gvl(ruby, |wait| inner.read(max, wait)) {
                Waited::Over(read) => read,
                Waited::NotBegun => Read::Interrupted,
            };
        }
    }

    /// The same without waiting: `:wait_readable` if nothing is there yet.
    pub(crate) fn read_available(ruby: &Ruby, request: &Self, max: usize) -> Result<Value, Error> {
        match request.inner.try_read(max) {
            Read::Data(data) => Ok(request.gather(ruby, data, max).as_value()),
            Read::End => Ok(ruby.qnil().as_value()),
            Read::Nothing | Read::Interrupted => Ok(ruby.to_symbol("wait_readable").as_value()),
            Read::Failed(error) => Err(errors::read(ruby, error)),
        }
    }

    /// Puts the pieces that are there into one string: fewer and bigger ones for the garbage collector. An end or an error
    /// behind them is told by the next read.
    fn gather(&self, ruby: &Ruby, mut data: Vec<u8>, max: usize) -> RString {
        while data.len() < max
            && let Read::Data(more) = self.inner.try_read(max - data.len())
        {
            data.extend_from_slice(&more);
        }
        ruby.str_from_slice(&data)
    }

    /// `[[name, value], ...]` once the body has ended, or `nil` if there are none.
    pub(crate) fn trailers(ruby: &Ruby, request: &Self) -> Result<Option<RArray>, Error> {
        request.inner.trailers().map(|block| pairs(ruby, block.as_headers())).transpose()
    }

    pub(crate) fn is_disconnected(&self) -> bool {
        self.inner.is_disconnected()
    }

    /// Whether the client offers to upgrade.
    pub(crate) fn offers_upgrade(&self) -> bool {
        self.inner.offers_upgrade()
    }

    /// Claims one of the process's tunnels; false if none is left.
    pub(crate) fn claim_tunnel(&self) -> bool {
        self.inner.claim_tunnel()
    }

    /// Makes a connection of the exchange: the number of the app's descriptor. What the app writes there is a head first,
    /// unless that was sent.
    pub(crate) fn hand_over(ruby: &Ruby, request: &Self, head_is_sent: bool) -> Result<i32, Error> {
        let (inner, reply) = (&request.inner, request.inner.reply());
        let raw = match head_is_sent {
            true => RawReply::behind_head(reply, true),
            false => RawReply::new(reply),
        };
        let socket = inner.hand_over(raw).map_err(|error| errors::connector(ruby, &error))?;
        Ok(socket.into_raw_fd())
    }

    pub(crate) fn reply(&self) -> Reply {
        Reply::from(self.inner.reply())
    }

    pub(crate) fn inspect(&self) -> String {
        format!("#<Swiftiply::{:?}>", self.inner)
    }
}

fn endpoint(endpoint: Endpoint) -> Option<(String, u16)> {
    endpoint.map(|address| (address.ip().to_canonical().to_string(), address.port()))
}

fn pairs(ruby: &Ruby, headers: Headers<'_>) -> Result<RArray, Error> {
    let array = ruby.ary_new_capa(headers.len());
    for (name, value) in headers {
        array.push(
            ruby.ary_new_from_values(&[ruby.str_from_slice(name.as_bytes()), ruby.str_from_slice(value)]),
        )?;
    }
    Ok(array)
}
