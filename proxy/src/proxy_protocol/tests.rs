use super::*;

/// Every header here is fed whole, and byte by byte: the result is the same, and certain no sooner than it can be.
fn fed_in_pieces(bytes: &[u8]) -> Result<Option<(usize, Told)>, Malformed> {
    for end in 0..bytes.len() {
        match parse(&bytes[..end]) {
            Ok(None) => {}
            early => return early,
        }
    }
    parse(bytes)
}

fn both(bytes: &[u8]) -> Result<Option<(usize, Told)>, Malformed> {
    let whole = parse(bytes);
    assert_eq!(fed_in_pieces(bytes), whole, "{}", bytes.escape_ascii());
    whole
}

fn client(peer: &str, local: &str) -> Told {
    Told::Client { peer: peer.parse().unwrap(), local: local.parse().unwrap() }
}

/// Version 2 with this command and family.
fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let length = (addresses.len() as u16).to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &length, addresses].concat()
}

const FOUR: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0x01, 0xbb];

#[test]
fn a_line_of_version_1_names_the_client() {
    for (line, told) in [
        ("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", client("192.0.2.1:56324", "198.51.100.2:443")),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            client("255.255.255.255:65535", "255.255.255.255:65535"),
        ),
        ("PROXY TCP6 2001:db8::1 ::1 1 0\r\n", client("[2001:db8::1]:1", "[::1]:0")),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            client(
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
            ),
        ),
        ("PROXY UNKNOWN\r\n", Told::Nothing),
        ("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", Told::Nothing),
    ] {
        assert_eq!(both(line.as_bytes()), Ok(Some((line.len(), told))), "{line}");
        // What follows belongs to the client.
        let more = format!("{line}GET / HTTP/1.1\r\n");
        assert_eq!(parse(more.as_bytes()), Ok(Some((line.len(), told))), "{line}");
    }
}

#[test]
fn what_is_no_line_of_version_1_is_refused() {
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
    for line in [
        "PROXYTCP4",
        "PUT / HTTP/1.1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\rx",
        "PROXY  TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 +56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 056324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.256 1 443\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.2 1 443\r\n",
        "PROXY TCP4 ::1 ::1 1 443\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.2 56324 443\r\n",
        "PROXY TCP6 [::1] [::1] 1 443\r\n",
        "PROXY TCP 192.0.2.1 198.51.100.2 56324 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.2 56324 443\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.2 56324 443\r\n",
        "PROXY unknown\r\n",
        "PROXY \r\n",
        "PROXY \u{ff}\r\n",
        &long,
    ] {
        assert!(fed_in_pieces(line.as_bytes()).is_err(), "{line:?}");
    }
}

#[test]
fn a_header_of_version_2_names_the_client() {
    let six: Vec<u8> =
        [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 15], &[1, 0, 80, 0x20, 0xfb]]
            .concat();
    let with_tlvs = [&FOUR[..], &[4, 0, 3, 1, 2, 3]].concat();
    let unix = [0; 216];
    for (header, told) in [
        (v2(0x21, 0x11, &FOUR), client("192.0.2.1:56324", "198.51.100.2:443")),
        (v2(0x21, 0x11, &with_tlvs), client("192.0.2.1:56324", "198.51.100.2:443")),
        (v2(0x21, 0x21, &six), client("[2001:db8::1]:80", "[::1]:8443")),
        // LOCAL: whatever the rest says.
        (v2(0x20, 0x00, &[]), Told::Nothing),
        (v2(0x20, 0x11, &FOUR), Told::Nothing),
        (v2(0x20, 0xff, &[1, 2, 3]), Told::Nothing),
        // Not TCP.
        (v2(0x21, 0x00, &[]), Told::Nothing),
        (v2(0x21, 0x12, &FOUR), Told::Nothing),
        (v2(0x21, 0x31, &unix), Told::Nothing),
    ] {
        assert_eq!(both(&header), Ok(Some((header.len(), told))), "{}", header.escape_ascii());
        let more = [&header[..], b"GET"].concat();
        assert_eq!(parse(&more), Ok(Some((header.len(), told))));
    }
}

#[test]
fn what_is_no_header_of_version_2_is_refused() {
    let mut too_long = v2(0x21, 0x11, &FOUR);
    too_long[14] = 0xff;
    for header in [
        b"GET / HTTP/1.1\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00".to_vec(),
        b"\r\n\r\n\0\r\nQUIT\r".to_vec(),
        v2(0x11, 0x11, &FOUR),
        v2(0x31, 0x11, &FOUR),
        v2(0x22, 0x11, &FOUR),
        v2(0x21, 0x13, &FOUR),
        v2(0x21, 0x41, &FOUR),
        v2(0x21, 0x11, &FOUR[..11]),
        v2(0x21, 0x21, &FOUR),
        too_long,
    ] {
        assert!(fed_in_pieces(&header).is_err(), "{}", header.escape_ascii());
    }
}
