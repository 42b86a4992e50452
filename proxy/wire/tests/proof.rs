//! Only who holds the site's key is let in, on this link and in this role.

use swiftiply_wire::{Hello, Key, LinkIndex, Nonce, ToProxy, backend_proof, proxy_proof};

const CHALLENGE: Nonce = [0x40; 32];

fn key() -> Key {
    Key::new("correct horse battery staple")
}

fn hello() -> Hello {
    Hello {
        version_min: 1,
        version_max: 1,
        backend: [1; 16],
        link: LinkIndex::First,
        slots: 5,
        window: 262_144,
        pid: 4242,
        nonce: [2; 32],
        language: "ruby 3.1.2".into(),
        adapter: "swiftiply-rack 0.9.0".into(),
        host: "web-1".into(),
        label: String::new(),
    }
}

/// What the proofs cover: the payload of the frame, as it travels.
fn payload(hello: &Hello) -> Vec<u8> {
    let mut frame = Vec::new();
    ToProxy::Hello(hello.clone()).write(&mut frame);
    frame.split_off(swiftiply_wire::FRAME_HEADER_BYTES)
}

#[test]
fn each_side_accepts_the_other_s_proof() {
    let hello = payload(&hello());
    assert!(key().accepts_backend(&CHALLENGE, &hello, &backend_proof(&key(), &CHALLENGE, &hello)));
    assert!(key().accepts_proxy(&CHALLENGE, &hello, &proxy_proof(&key(), &CHALLENGE, &hello)));
}

#[test]
fn another_key_is_refused() {
    let hello = payload(&hello());
    for wrong in ["", "correct horse battery stapl", "correct horse battery staple\n"] {
        let wrong = Key::new(wrong);
        assert!(!key().accepts_backend(&CHALLENGE, &hello, &backend_proof(&wrong, &CHALLENGE, &hello)));
        assert!(!key().accepts_proxy(&CHALLENGE, &hello, &proxy_proof(&wrong, &CHALLENGE, &hello)));
    }
}

#[test]
fn an_empty_key_proves_nothing_not_even_to_itself() {
    let (empty, hello) = (Key::new(""), payload(&hello()));
    assert!(!empty.accepts_backend(&CHALLENGE, &hello, &backend_proof(&empty, &CHALLENGE, &hello)));
    assert!(!empty.accepts_proxy(&CHALLENGE, &hello, &proxy_proof(&empty, &CHALLENGE, &hello)));
}

#[test]
fn a_proof_that_is_echoed_to_its_giver_is_refused() {
    let hello = payload(&hello());
    let of_backend = backend_proof(&key(), &CHALLENGE, &hello);
    let of_proxy = proxy_proof(&key(), &CHALLENGE, &hello);
    assert!(!key().accepts_proxy(&CHALLENGE, &hello, &of_backend));
    assert!(!key().accepts_backend(&CHALLENGE, &hello, &of_proxy));
}

#[test]
fn a_proof_from_another_link_is_refused() {
    let here = payload(&hello());
    let proof = backend_proof(&key(), &CHALLENGE, &here);
    assert!(!key().accepts_backend(&[0x41; 32], &here, &proof), "another challenge");
    let there = payload(&Hello { nonce: [3; 32], ..hello() });
    assert!(!key().accepts_backend(&CHALLENGE, &there, &proof), "another nonce of the backend");
}

#[test]
fn a_hello_that_was_changed_on_the_way_is_refused() {
    let sent = payload(&hello());
    let proof = backend_proof(&key(), &CHALLENGE, &sent);
    for at in 0..sent.len() {
        let mut changed = sent.clone();
        changed[at] ^= 1;
        assert!(!key().accepts_backend(&CHALLENGE, &changed, &proof), "byte {at}");
    }
    let longer = [&sent[..], &[0]].concat();
    assert!(!key().accepts_backend(&CHALLENGE, &longer, &proof), "a byte more");
    assert!(!key().accepts_backend(&CHALLENGE, &sent[..sent.len() - 1], &proof), "a byte less");
}

#[test]
fn a_proof_with_any_bit_turned_is_refused() {
    let hello = payload(&hello());
    let proof = backend_proof(&key(), &CHALLENGE, &hello);
    for bit in 0..256 {
        let mut turned = proof;
        turned[bit / 8] ^= 1 << (bit % 8);
        assert!(!key().accepts_backend(&CHALLENGE, &hello, &turned), "bit {bit}");
    }
}

/// Made with another implementation of HMAC-SHA256 (Python's `hmac`): key `Jefe`, challenge 00 01 .. 1f, HELLO's payload
/// taken as the three bytes `abc`.
#[test]
fn the_proofs_are_those_of_any_other_hmac_sha256() {
    let challenge: Nonce = std::array::from_fn(|i| i as u8);
    let key = Key::new("Jefe");
    assert_eq!(
        hex(&backend_proof(&key, &challenge, b"abc")),
        "f202431d09ecc0bd09714d89dcbd2e382160c2a8ca511fdba7e4e7169edd79e1"
    );
    assert_eq!(
        hex(&proxy_proof(&key, &challenge, b"abc")),
        "6269055127f776596c88a76277245644199aeb8f0dd4da10c17d514ed5361cef"
    );
}

#[test]
fn a_key_does_not_show_itself() {
    assert_eq!(format!("{:?}", key()), "Key(..)");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
