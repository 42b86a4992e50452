//! The compressors, all alike.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};

use super::Coding;

/// gzip's level of nine: beyond it each per cent of size costs several of time.
const GZIP_LEVEL: u32 = 5;

/// brotli's of eleven: the highest of its fast ones, made for content that is compressed once and sent once.
const BROTLI_QUALITY: u32 = 4;

/// brotli's window, as a power of two: 256 KiB, most pages whole.
const BROTLI_WINDOW_BITS: u32 = 18;

/// Bytes that brotli gathers before it compresses them.
const BROTLI_INPUT_BYTES: usize = 16 * 1024;

/// zstd's of nineteen: its own default.
const ZSTD_LEVEL: i32 = 3;

/// zstd's window: the same as brotli's. Clients need as much memory as we do; RFC 9659 allows 8 MiB.
const ZSTD_WINDOW_BITS: u32 = 18;

/// One body on its way through a compressor. What it has to say goes into a buffer of its own, to be taken from there.
#[derive(Debug)]
pub struct Encoder {
    inner: Inner,
    _counted: Counted,
}

/// Bodies that one shard compresses at once: each costs some 300 KiB to 1 MiB. What comes beyond goes out as it is.
const AT_ONCE_MAX: usize = 128;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// One body that this thread, which is one shard, compresses.
#[derive(Debug)]
struct Counted;

impl Counted {
    fn new() -> Option<Self> {
        let count = COUNT.get();
        (count < AT_ONCE_MAX).then(|| COUNT.set(count + 1))?;
        Some(Self)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        COUNT.set(COUNT.get() - 1);
    }
}

enum Inner {
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip(_) => "gzip",
            Self::Brotli(_) => "br",
            Self::Zstd(_) => "zstd",
        })
    }
}

impl Encoder {
    /// An empty body. None if so many are compressed already, or there is no memory for it.
    pub fn new(coding: Coding) -> Option<Self> {
        let counted = Counted::new()?;
        let inner = match coding {
            Coding::Gzip => {
                Inner::Gzip(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL)))
            }
            Coding::Brotli => Inner::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                BROTLI_INPUT_BYTES,
                BROTLI_QUALITY,
                BROTLI_WINDOW_BITS,
            ))),
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL).ok()?;
                encoder.window_log(ZSTD_WINDOW_BITS).ok()?;
                Inner::Zstd(encoder)
            }
        };
        Some(Self { inner, _counted: counted })
    }

    /// Adds a piece of the body. It may stay inside.
    ///
    /// # Errors
    /// When the compressor fails; the body cannot be finished then.
    pub fn add(&mut self, data: &[u8]) -> io::Result<()> {
        self.writer().write_all(data)
    }

    /// Lets out all that was added, so that the client can read it.
    ///
    /// # Errors
    /// As [`Encoder::add`].
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }

    /// Takes what has been let out.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(match &mut self.inner {
            Inner::Gzip(encoder) => encoder.get_mut(),
            Inner::Brotli(encoder) => encoder.get_mut(),
            Inner::Zstd(encoder) => encoder.get_mut(),
        })
    }

    /// Ends the body; gives the rest of it.
    ///
    /// # Errors
    /// As [`Encoder::add`].
    pub fn finish(self) -> io::Result<Vec<u8>> {
        match self.inner {
            Inner::Gzip(encoder) => encoder.finish(),
            Inner::Brotli(encoder) => Ok(encoder.into_inner()),
            Inner::Zstd(encoder) => encoder.finish(),
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.inner {
            Inner::Gzip(encoder) => encoder,
            Inner::Brotli(encoder) => encoder,
            Inner::Zstd(encoder) => encoder,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn decode(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        match coding {
            Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut decoded),
            Coding::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut decoded),
            Coding::Zstd => {
                zstd::stream::read::Decoder::new(bytes).expect("memory").read_to_end(&mut decoded)
            }
        }
        .unwrap_or_else(|error| panic!("{coding:?}: {error}"));
        decoded
    }

    /// What a client can read of a body that goes on.
    fn decode_so_far(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        let mut reader: Box<dyn Read + '_> = match coding {
            Coding::Gzip => Box::new(flate2::read::GzDecoder::new(bytes)),
            Coding::Brotli => Box::new(brotli::Decompressor::new(bytes, 4096)),
            Coding::Zstd => Box::new(zstd::stream::read::Decoder::new(bytes).expect("memory")),
        };
        let mut piece = [0; 64];
        while let Ok(n @ 1..) = reader.read(&mut piece) {
            decoded.extend_from_slice(&piece[..n]);
        }
        decoded
    }

    fn text(length: usize) -> Vec<u8> {
        (0..).flat_map(|n: u32| format!("line {n} of some text\n").into_bytes()).take(length).collect()
    }

    #[test]
    fn what_goes_in_comes_out_smaller_and_the_same() {
        for coding in Coding::ALL {
            for length in [0, 1, 1000, 300_000] {
                let text = text(length);
                let mut encoder = Encoder::new(coding).expect("memory");
                let mut out = Vec::new();
                for piece in text.chunks(7001) {
                    encoder.add(piece).expect("a compressor takes everything");
                    out.extend(encoder.take());
                }
                out.extend(encoder.finish().expect("a compressor ends"));
                assert_eq!(decode(coding, &out), text, "{coding:?} {length}");
                assert!(length < 1000 || out.len() < length / 3, "{coding:?}: {} of {length}", out.len());
            }
        }
    }

    #[test]
    fn what_was_flushed_can_be_read_before_the_rest() {
        for coding in Coding::ALL {
            let mut encoder = Encoder::new(coding).expect("memory");
            let (mut out, mut sent) = (Vec::new(), Vec::new());
            for piece in [&b"first,"[..], b"second,", b"", &text(50_000)] {
                encoder.add(piece).expect("a compressor takes everything");
                encoder.flush().expect("a compressor flushes");
                sent.extend_from_slice(piece);
                out.extend(encoder.take());
                assert_eq!(decode_so_far(coding, &out), sent, "{coding:?}");
            }
        }
    }
}
