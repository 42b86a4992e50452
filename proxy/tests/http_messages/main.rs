//! Promises about HTTP/1.1 messages, table by table. Every message is read whole, byte by byte and in two parts cut at
//! each place, and must give the same result each time.

mod chunked_bodies;
mod error_pages;
mod feeding;
mod forwarding;
mod framing;
mod header_lines;
mod hosts;
mod limits;
mod meanings;
mod properties;
mod replies;
mod request_lines;
