//! What holds for any input at all, one module per input and in each one function, `check`, which panics where it does
//! not. A fuzz target calls it with what the fuzzer thinks up; `proxy/tests/fuzz_corpus.rs` includes the same files and
//! calls it with everything in `corpus/`.

pub mod config;
pub mod frames_to_backend;
pub mod frames_to_proxy;
pub mod pieces;
pub mod request_body;
pub mod request_head;
