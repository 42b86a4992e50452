//! The cheapest backend that can be, so that what a run shows is the proxy. It gives every request the same reply:
//!
//! ```text
//! swiftiply-bench-backend link unix:/run/link.sock 13    dials the proxy at that address
//! swiftiply-bench-backend http unix:/run/app.sock 13     listens there, for peers that dial their backends
//! ```
//!
//! The last number is the length of the reply's body. Both are one thread and one epoll.

mod http;
mod link;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let served = match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["link", address, bytes] => length(bytes).and_then(|length| link::serve(address, &body(length))),
        ["http", address, bytes] => length(bytes).and_then(|length| http::serve(address, &body(length))),
        _ => Err("usage: swiftiply-bench-backend link|http ADDRESS BODY-BYTES".into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("swiftiply-bench-backend: {complaint}");
            ExitCode::FAILURE
        }
    }
}

fn length(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text} is not a number of bytes"))
}

/// The same greeting as that of every other app of the bench, over and over until it is long enough.
fn body(length: usize) -> Vec<u8> {
    b"Hello, World!".iter().copied().cycle().take(length).collect()
}
