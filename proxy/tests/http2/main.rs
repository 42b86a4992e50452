//! HTTP/2 at the front: what RFC 9113 and RFC 7541 ask of a server, what floods cost, and that a request on a stream is
//! served like any other.

#[path = "../support/mod.rs"]
mod support;

mod abuse;
mod bodies;
mod cases;
mod client;
mod coding;
mod cutting;
mod fields;
mod files;
mod frames;
mod heads;
mod protocol;
mod requests;
mod sites;
mod tunnels;
