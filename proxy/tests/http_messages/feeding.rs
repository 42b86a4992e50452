//! Feeds a message in every way it may arrive, and sums up what was read.

use swiftiply::http::{BodyDecoder, Framing, Head, HeadParser, HeaderRoom, Limits, Piece, Refusal};

/// A message and what must come of it: a summary as [`summary`] writes it, or a refusal.
pub type Case = (&'static str, Result<&'static str, Refusal>);

/// Checks each case; `complete` makes a whole message of its text.
pub fn check(cases: &[Case], complete: impl Fn(&str) -> String) {
    for (text, expected) in cases {
        let message = complete(text);
        let outcome = read(message.as_bytes(), &Limits::default());
        assert_eq!(outcome.as_deref(), expected.as_ref().map(|summary| *summary), "for {text:?}");
    }
}

/// An HTTP/1.1 request with these header lines besides its Host.
pub fn with_headers(lines: &str) -> String {
    format!("GET /p HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")
}

/// Reads a head in every way.
pub fn read(message: &[u8], limits: &Limits) -> Result<String, Refusal> {
    let whole = read_in_steps(message, [message.len()], limits);
    let bytewise = read_in_steps(message, 1..=message.len(), limits);
    assert_eq!(whole, bytewise, "byte by byte: {:?}", message.escape_ascii().to_string());
    if message.len() < 1000 {
        for cut in 0..message.len() {
            let halves = read_in_steps(message, [cut, message.len()], limits);
            assert_eq!(whole, halves, "cut at {cut}: {:?}", message.escape_ascii().to_string());
        }
    }
    whole
}

/// Reads a head from a buffer that grows to each of these lengths.
pub fn read_in_steps(
    message: &[u8],
    lengths: impl IntoIterator<Item = usize>,
    limits: &Limits,
) -> Result<String, Refusal> {
    let mut parser = HeadParser::default();
    for length in lengths {
        let mut room = HeaderRoom::new();
        if let Some((used, head)) = parser.parse(&message[..length], limits, &mut room)? {
            return Ok(summary(&head, &message[used..]));
        }
    }
    Ok("not yet".into())
}

/// `METHOD path?query version host:port framing`, then what is not as usual, then the bytes that were left.
pub fn summary(head: &Head<'_>, rest: &[u8]) -> String {
    let mut words = vec![head.method.to_string()];
    words.push(match head.target.query {
        Some(query) => format!("{}?{query}", head.target.path),
        None => head.target.path.to_string(),
    });
    words.push(head.version.as_str()[5..].to_string());
    words.push(match &head.authority {
        Some(authority) => match authority.port {
            Some(port) => format!("{}:{port}", authority.host),
            None => authority.host.to_string(),
        },
        None => "-".into(),
    });
    match head.framing {
        Framing::None => {}
        Framing::Length(length) => words.push(format!("length={length}")),
        Framing::Chunked => words.push("chunked".into()),
        Framing::Stream => unreachable!("HTTP/1.1 has no streams"),
    }
    let flags = [
        (!head.keep_alive, "close"),
        (head.expect_continue, "expects"),
        (head.te_trailers, "trailers"),
        (head.underscored > 0, "dropped"),
    ];
    words.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag.to_string()));
    words.extend(head.upgrade.map(|protocol| format!("upgrade={}", protocol.escape_ascii())));
    if !rest.is_empty() {
        words.push(format!("+ {}", rest.escape_ascii()));
    }
    words.join(" ")
}

/// What came of a body.
#[derive(Debug, PartialEq, Eq, Default, Clone)]
pub struct Decoded {
    pub body: Vec<u8>,
    pub is_done: bool,
    /// `name: value` of each.
    pub trailers: Vec<String>,
    /// Bytes that belong to the next request.
    pub left: Vec<u8>,
}

/// Decodes a chunked body in every way.
pub fn decode(message: &[u8], limits: &Limits) -> Result<Decoded, Refusal> {
    let whole = decode_in_steps(message, [message.len()], limits);
    let bytewise = decode_in_steps(message, 1..=message.len(), limits);
    assert_eq!(whole, bytewise, "byte by byte: {:?}", message.escape_ascii().to_string());
    if message.len() < 1000 {
        for cut in 0..message.len() {
            let halves = decode_in_steps(message, [cut, message.len()], limits);
            assert_eq!(whole, halves, "cut at {cut}: {:?}", message.escape_ascii().to_string());
        }
    }
    whole
}

/// Decodes a chunked body that arrives up to each of these lengths.
pub fn decode_in_steps(
    message: &[u8],
    lengths: impl IntoIterator<Item = usize>,
    limits: &Limits,
) -> Result<Decoded, Refusal> {
    let mut decoder = BodyDecoder::new(Framing::Chunked);
    let mut decoded = Decoded::default();
    let mut used = 0;
    for length in lengths {
        loop {
            let (more, piece) = decoder.decode(&message[used..length], limits)?;
            used += more;
            match piece {
                Piece::Data(data) => decoded.body.extend_from_slice(data),
                Piece::More => break,
                Piece::End => {
                    decoded.is_done = true;
                    break;
                }
            }
        }
        assert_eq!(decoder.is_done(), decoded.is_done);
        assert!(decoded.is_done || used == length, "an unfinished decoder uses all of its input");
    }
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let trailers = decoder.take_trailers();
    decoded.trailers = trailers.iter().map(|(name, value)| text(name) + ": " + &text(value)).collect();
    decoded.left = message[used..].to_vec();
    Ok(decoded)
}
