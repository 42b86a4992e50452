//! Whatever a proxy says, the core does not panic, keeps its bounds, and takes it the same however it is cut. For the
//! tests of this crate, and for fuzz targets.

use std::time::Instant;

use super::{Connector, Identity};
use crate::{Options, ReplyHead};

/// Slots of the backend.
const SLOTS: u16 = 3;

/// What comes of these bytes, which arrive in these pieces: the requests that the app sees with as much of their bodies
/// as came, and what is answered. `is_welcome`: the handshake is over.
pub fn outcome<'a>(pieces: impl Iterator<Item = &'a [u8]>, is_welcome: bool) -> String {
    let now = Instant::now();
    let identity = Identity { backend: [9; 16], pid: 4711, host: "here".into(), chance: 1 };
    let mut connector = Connector::new(Options { slots: SLOTS, ..Options::default() }, identity);
    let dial = connector.next_dial(now).expect("the first dial is due at once");
    let id = connector.dialled(&dial, [3; 32], now).expect("the dial is wanted");
    if is_welcome {
        connector.receive(id, &welcome(), now);
    }
    pieces.for_each(|piece| connector.receive(id, piece, now));

    let mut outcome = String::new();
    while let Some(taken) = connector.take() {
        let (head, flags) = (taken.head, taken.flags);
        let headers: Vec<_> = head.headers().iter().collect();
        outcome += &format!(
            "{:?} {:?} {headers:?} {flags:?}\n",
            head.method(),
            head.path().escape_ascii().to_string()
        );
        outcome += &format!("{:?}\n", connector.read(taken.place, usize::MAX));
        outcome += &format!("{:?}\n", connector.request_trailers(taken.place));
        let reply = ReplyHead::new(200).expect("a common status");
        let _ = connector.send_reply(taken.place, &reply, b"done");
        connector.forget(taken.place);
        assert!(connector.status().in_flight <= usize::from(SLOTS));
    }
    let mut answers = Vec::new();
    while connector.next_queued().is_some() {}
    connector.take_output(id, &mut answers);
    outcome += &answers.escape_ascii().to_string();
    connector.stop();
    connector.close(id);
    assert!(connector.has_ended());
    outcome
}

fn welcome() -> Vec<u8> {
    let mut bytes = Vec::new();
    let welcome = swiftiply_wire::Welcome {
        version: 1,
        proxy: [1; 16],
        shard: 0,
        links: 1,
        window: 100,
        ping_interval_ms: 1000,
        proof: [0; 32],
    };
    swiftiply_wire::ToBackend::Welcome(welcome).write(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_means_the_same_in_one_piece_and_byte_by_byte() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/frames_to_backend");
        for entry in std::fs::read_dir(corpus).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            let bytes = std::fs::read(path).unwrap();
            for is_welcome in [false, true] {
                let whole = outcome(std::iter::once(&bytes[..]), is_welcome);
                assert_eq!(outcome(bytes.chunks(1), is_welcome), whole);
            }
        }
    }
}
