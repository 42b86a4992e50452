//! A chunked body: decoded the same however it is cut, and the same again when we write it.

use swiftiply::http::{BodyDecoder, Framing, Limits, Piece, Refusal, chunk, last_chunk};
use swiftiply_wire::Name;

use crate::pieces::{self, NARROW};

#[derive(Debug, Default, PartialEq, Eq)]
struct Decoded {
    body: Vec<u8>,
    is_whole: bool,
    trailers: Vec<(Vec<u8>, Vec<u8>)>,
    used: usize,
}

/// Any bytes, as a client sends them behind a head with `Transfer-Encoding: chunked`.
pub fn check(input: &[u8]) {
    for limits in [Limits::default(), NARROW] {
        let mut ways = pieces::ways(input).into_iter().map(|lengths| decode(input, &lengths, &limits));
        let whole = ways.next().expect("it is read at once");
        ways.for_each(|pieces| assert_eq!(pieces, whole, "{}", input.escape_ascii()));
        if let Ok(decoded) = whole {
            assert!(
                decoded.is_whole || decoded.used == input.len(),
                "an unfinished decoder uses all of its input"
            );
            is_the_same_when_written(&decoded);
        }
    }
}

fn decode(input: &[u8], lengths: &[usize], limits: &Limits) -> Result<Decoded, Refusal> {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let mut decoded = Decoded::default();
    for &length in lengths {
        loop {
            let (used, piece) = decoder.decode(&input[decoded.used..length], limits)?;
            decoded.used += used;
            match piece {
                Piece::Data(data) => {
                    assert!(!data.is_empty());
                    decoded.body.extend_from_slice(data);
                }
                Piece::More => break,
                Piece::End => {
                    decoded.is_whole = true;
                    break;
                }
            }
        }
        assert_eq!(decoder.is_done(), decoded.is_whole);
    }
    let trailers = decoder.take_trailers();
    decoded.trailers = trailers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    Ok(decoded)
}

fn is_the_same_when_written(decoded: &Decoded) {
    let mut written = Vec::new();
    let pieces = decoded.body.chunks(1 + decoded.body.len() / 3);
    pieces.for_each(|piece| chunk(&mut written, piece));
    last_chunk(&mut written, decoded.trailers.iter().map(|(name, value)| (Name::new(name), &value[..])));
    let limits = Limits { trailer_bytes_max: 1 << 20, ..Limits::default() };
    let again = decode(&written, &[written.len()], &limits).expect("what we write can be read");
    assert!(again.is_whole);
    assert_eq!(again.used, written.len());
    assert_eq!((&again.body, &again.trailers), (&decoded.body, &decoded.trailers));
}
