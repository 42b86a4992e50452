//! Raw HTTP/1.1 messages through the whole proxy, table by table: what a client sends, and what must come of it.
//!
//! Each case is sent in three ways on a connection of its own: at once, byte by byte, and at once with a good request
//! right behind it. Whatever is refused must be answered with its status, close the connection, and reach no backend:
//! the next that the backend sees is a good request from another connection. `run` says how that is checked.

#[path = "../support/mod.rs"]
mod support;

mod run;

mod chunked;
mod connection;
mod expect;
mod forwarded;
mod framing;
mod header_lines;
mod hop_by_hop;
mod host;
mod limits;
mod replies;
mod request_line;
mod target;
mod trailers;
