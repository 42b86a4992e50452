//! What the fuzz targets promise, for everything in their corpus: the same functions, without a fuzzer. The corpus holds
//! an example of each kind of input, what fuzzing found worth keeping, and what once broke a promise.

#[path = "../../fuzz/src/config.rs"]
mod config;
#[path = "../../fuzz/src/frames_to_backend.rs"]
mod frames_to_backend;
#[path = "../../fuzz/src/frames_to_proxy.rs"]
mod frames_to_proxy;
#[path = "../../fuzz/src/pieces.rs"]
mod pieces;
#[path = "../../fuzz/src/request_body.rs"]
mod request_body;
#[path = "../../fuzz/src/request_head.rs"]
mod request_head;

use std::fs;
use std::path::Path;

/// Bytes of all inputs of one target: the corpus is read by people and cloned by everyone.
const CORPUS_BYTES_MAX: usize = 100_000;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let (mut inputs, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).expect("each target has a corpus") {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        (inputs, bytes) = (inputs + 1, bytes + input.len());
        // Only shown with a test that fails.
        println!("{}", path.display());
        check(&input);
    }
    assert!(inputs >= 5, "{inputs} inputs");
    assert!(bytes <= CORPUS_BYTES_MAX, "{bytes} bytes; make it smaller with `cargo fuzz cmin {target}`");
}

#[test]
fn request_heads_of_the_corpus_keep_their_promises() {
    replay("request_head", request_head::check);
}

#[test]
fn request_bodies_of_the_corpus_keep_their_promises() {
    replay("request_body", request_body::check);
}

#[test]
fn frames_to_the_proxy_of_the_corpus_keep_their_promises() {
    replay("frames_to_proxy", frames_to_proxy::check);
}

#[test]
fn frames_to_the_backend_of_the_corpus_keep_their_promises() {
    replay("frames_to_backend", frames_to_backend::check);
}

#[test]
fn configurations_of_the_corpus_keep_their_promises() {
    replay("config", config::check);
}
