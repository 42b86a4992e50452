//! What a WebSocket handshake needs and an extended CONNECT has not (RFC 8441 section 5).

/// A fresh Sec-WebSocket-Key: 16 random bytes in Base64 (RFC 6455 section 4.1).
///
/// # Panics
/// When the system has no random numbers: no backend could have been authenticated then.
pub(super) fn fresh() -> [u8; 24] {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).expect("the system gives random numbers");
    base64(&nonce)
}

fn base64(nonce: &[u8; 16]) -> [u8; 24] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = [b'='; 24];
    for (three, four) in nonce.chunks(3).zip(text.chunks_mut(4)) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        for (at, digit) in four.iter_mut().take(three.len() + 1).enumerate() {
            *digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_base64_of_sixteen_bytes() {
        // RFC 6455 section 1.3
        assert_eq!(&base64(b"the sample nonce"), b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_ne!(fresh(), fresh());
    }
}
