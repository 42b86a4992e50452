//! Ways to cut an input, chosen by the input itself so that every run cuts it alike; and limits that it soon meets.

use swiftiply::http::Limits;
use swiftiply_wire::Frame;
use swiftiply_wire::limits::FRAME_PAYLOAD_MAX;

/// So small that the fuzzer finds the way to each of them.
pub const NARROW: Limits = Limits {
    request_line_max: 60,
    head_bytes_max: 400,
    headers_max: 12,
    chunk_extension_bytes_max: 16,
    trailer_bytes_max: 80,
    trailers_max: 4,
    reply_head_bytes_max: 1000,
};

/// Inputs up to this long are also fed byte by byte.
const BYTEWISE_MAX: usize = 2048;

/// How often an input is cut at places that look random.
const RANDOM_CUTS: u64 = 4;

/// Lengths to which a buffer with this input grows: all at once, byte by byte, and in pieces of many sizes.
pub fn ways(input: &[u8]) -> Vec<Vec<usize>> {
    let mut ways = vec![vec![input.len()]];
    if input.len() <= BYTEWISE_MAX {
        ways.push((1..=input.len()).collect());
    }
    // FNV-1a.
    let mut seed = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ways.extend((0..RANDOM_CUTS).map(|_| random_cuts(input.len(), &mut seed)));
    ways
}

/// Every way to cut these frames leads to the same ones, as `read` shows them, and to the same end.
pub fn give_the_same_frames(input: &[u8], read: impl Fn(Frame<'_>) -> String) {
    let mut ways = ways(input).into_iter().map(|lengths| frames(input, &lengths, &read));
    let whole = ways.next().expect("it is read at once");
    ways.for_each(|pieces| assert_eq!(pieces, whole));
}

/// The frames that a reader finds in a buffer that grows to these lengths, and whether it would go on.
fn frames(input: &[u8], lengths: &[usize], read: impl Fn(Frame<'_>) -> String) -> (Vec<String>, bool) {
    let (mut at, mut seen) = (0, Vec::new());
    for &length in lengths {
        loop {
            match Frame::parse(&input[at..length], FRAME_PAYLOAD_MAX) {
                Ok(None) => break,
                Ok(Some((used, frame))) => {
                    at += used;
                    seen.push(read(frame));
                }
                Err(_) => return (seen, false),
            }
        }
    }
    (seen, true)
}

fn random_cuts(length: usize, seed: &mut u64) -> Vec<usize> {
    let step_max = 1 + next(seed) as usize % (length + 1);
    let mut lengths = Vec::new();
    let mut at = 0;
    while at < length {
        at = (at + 1 + next(seed) as usize % step_max).min(length);
        lengths.push(at);
    }
    lengths
}

/// Xorshift.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed >> 1
}
