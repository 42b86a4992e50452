//! The cheapest programs that can be, so that what a run shows is the proxy: a backend that gives every request the same
//! reply, and clients in an open loop.
//!
//! ```text
//! swiftiply-bench-backend link unix:/run/link.sock 13 4096 1    dials the proxy at that address
//! swiftiply-bench-backend http unix:/run/app.sock 13            listens there, for peers that dial their backends
//! swiftiply-bench-backend open 8080                             sends the requests of standard input to that port
//! ```
//!
//! 13 is the length of the reply's body; 4096 are the slots of each backend and 1 is how many there are. A backend is
//! one thread and one epoll; `wish.rs` has what else it can be asked for.

mod http;
mod link;
mod open;
mod wish;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let served = match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["link", address, bytes, slots, backends] => link(address, bytes, slots, backends),
        ["http", address, bytes] => number(bytes).and_then(|length| http::serve(address, &body(length))),
        ["open", port] => number(port).and_then(open::play),
        _ => Err("usage: swiftiply-bench-backend link ADDRESS BYTES SLOTS BACKENDS | http ADDRESS BYTES | open PORT".into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("swiftiply-bench-backend: {complaint}");
            ExitCode::FAILURE
        }
    }
}

fn link(address: &str, bytes: &str, slots: &str, backends: &str) -> Result<(), String> {
    let shape = link::Shape { slots: number(slots)?, backends: number(backends)? };
    link::serve(address, &body(number(bytes)?), &shape)
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{text} is not a number that fits"))
}

/// The same greeting as that of every other app of the bench, over and over until it is long enough.
fn body(length: usize) -> Vec<u8> {
    b"Hello, World!".iter().copied().cycle().take(length).collect()
}
