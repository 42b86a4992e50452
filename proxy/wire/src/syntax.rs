//! What a header's name and value may consist of, for both ends: the backend is told by whom the mistake was made, and
//! the proxy, which half trusts it, looks again.

/// Bytes of a token: `tchar` of RFC 9110 section 5.6.2.
static TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let allowed = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut i = 0;
    while i < allowed.len() {
        table[allowed[i] as usize] = true;
        i += 1;
    }
    table
};

/// Whether a token may contain this byte.
#[inline]
pub fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES[usize::from(byte)]
}

/// Whether this is a token: a header's name, a method, a coding.
#[inline]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

/// Whether a header's value may be passed on: no control character but the tab (RFC 9110 section 5.5). Bytes above
/// ASCII pass, as they do everywhere.
#[inline]
pub fn is_value(bytes: &[u8]) -> bool {
    // Folded without a branch, so that the compiler makes vector code of it.
    !bytes.iter().fold(false, |bad, &byte| bad | ((byte < 0x20) & (byte != b'\t')) | (byte == 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_what_rfc_9110_says() {
        for byte in 0..=u8::MAX {
            let is_tchar = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_token(&[b'x', byte]), is_tchar, "{byte}");
            assert_eq!(is_value(&[b'x', byte]), byte == b'\t' || !byte.is_ascii_control(), "{byte}");
        }
        assert!(!is_token(b"") && is_value(b""));
    }
}
