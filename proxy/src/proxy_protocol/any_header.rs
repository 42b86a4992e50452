//! Whatever comes first on a connection from a trusted proxy is a header or none, however it is cut, and soon certain.
//! For the tests of this crate, and for fuzz targets.

use super::{HEADER_BYTES_MAX, parse};

/// Checks it for these bytes.
pub fn check(input: &[u8]) {
    let mut certain = None;
    for length in 0..=input.len().min(2 * HEADER_BYTES_MAX) {
        let found = parse(&input[..length]);
        if let Some(before) = &certain {
            assert_eq!(&found, before, "more bytes change nothing");
        }
        match &found {
            Ok(None) => assert!(length < HEADER_BYTES_MAX, "{length} bytes say nothing"),
            Ok(Some((used, _))) => assert!((1..=length).contains(used)),
            Err(_) => {}
        }
        if !matches!(found, Ok(None)) {
            certain = Some(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_is_read_the_same_however_it_is_cut() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/proxy_header");
        for entry in std::fs::read_dir(corpus).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            check(&std::fs::read(path).unwrap());
        }
    }
}
