//! What is wrong with a head that httparse has turned down.
//!
//! Off the fast path: the head is refused in any case, this finds the sentence and the status that it deserves.

use swiftiply_wire::{is_token, is_value};

use super::refusal::Refusal;

/// The first thing that is wrong, in the order in which a reader meets it.
pub(super) fn of(head: &[u8], error: httparse::Error) -> Refusal {
    let mut lines = head.split_inclusive(|&byte| byte == b'\n').map(without_crlf);
    let request_line = lines.next().unwrap_or_default();
    if let Some(refusal) = request_line_fault(request_line) {
        return refusal;
    }
    let mut is_first = true;
    for line in lines {
        if let Some(refusal) = header_line_fault(line, is_first) {
            return refusal;
        }
        is_first = false;
    }
    match error {
        httparse::Error::TooManyHeaders => Refusal::TooManyHeaders,
        httparse::Error::HeaderName => Refusal::BadHeaderName,
        httparse::Error::HeaderValue => Refusal::BadHeaderValue,
        _ => Refusal::BadRequestLine,
    }
}

fn without_crlf(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r\n").unwrap_or(line)
}

fn request_line_fault(line: &[u8]) -> Option<Refusal> {
    if line.contains(&b'\r') {
        return Some(Refusal::BareCr);
    }
    let mut parts = line.split(|&byte| byte == b' ');
    let (method, target, version) = (parts.next()?, parts.next(), parts.next());
    if !is_token(method) {
        return Some(Refusal::BadMethod);
    }
    let (Some(target), Some(version), None) = (target, version, parts.next()) else {
        return Some(Refusal::BadRequestLine);
    };
    if target.is_empty() {
        return Some(Refusal::BadRequestLine);
    }
    if !target.iter().all(u8::is_ascii_graphic) {
        return Some(Refusal::BadTarget);
    }
    version_fault(version)
}

/// `HTTP/2` and `HTTP/3`, as people write them, count as versions that we do not speak.
fn version_fault(version: &[u8]) -> Option<Refusal> {
    match version {
        b"HTTP/1.0" | b"HTTP/1.1" => None,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Some(Refusal::UnsupportedVersion)
        }
        [b'H', b'T', b'T', b'P', b'/', b'2'..=b'9'] => Some(Refusal::UnsupportedVersion),
        _ => Some(Refusal::BadVersion),
    }
}

fn header_line_fault(line: &[u8], is_first: bool) -> Option<Refusal> {
    if line.is_empty() {
        return None;
    }
    if line.contains(&b'\r') {
        return Some(Refusal::BareCr);
    }
    if matches!(line[0], b' ' | b'\t') {
        return Some(if is_first { Refusal::LeadingWhitespace } else { Refusal::FoldedHeader });
    }
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return Some(Refusal::MissingColon);
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    match name {
        [] => Some(Refusal::EmptyHeaderName),
        [.., b' ' | b'\t'] => Some(Refusal::SpaceBeforeColon),
        _ if !is_token(name) => Some(Refusal::BadHeaderName),
        _ if !is_value(value) => Some(Refusal::BadHeaderValue),
        _ => None,
    }
}

/// What is wrong with a trailer section (without a request line) that httparse has turned down.
pub(super) fn of_trailers(section: &[u8]) -> Refusal {
    section
        .split_inclusive(|&byte| byte == b'\n')
        .map(without_crlf)
        .enumerate()
        .find_map(|(index, line)| header_line_fault(line, index == 0))
        .unwrap_or(Refusal::BadHeaderName)
}
