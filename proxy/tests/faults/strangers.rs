//! Whatever is said at the address where backends dial in, by whoever has no business there: nothing is dispatched to
//! him, what he costs is bounded, and backends come in beside him.

use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use swiftiply::config::{Outgoing, Secret};
use swiftiply_wire::{
    FRAME_HEADER_BYTES, Frame, Key, LinkIndex, PREFACE, Proof, ToBackend, ToProxy, backend_proof,
};

use super::random::Random;
use crate::support::{Client, Dial, Folder, PATIENCE, Socket, TestProxy, quick};

const SEED: u64 = 4711;
const KEY: &[u8] = b"correct horse";

/// A site with a key, and a request that waits for a backend that knows it.
struct Besieged {
    proxy: TestProxy,
    client: Client,
}

impl Besieged {
    fn new() -> Self {
        let proxy = quick(|config| {
            config.sites[0].key = Some(Secret::new(KEY.to_vec()));
            config.sites[0].timeout = 2 * PATIENCE;
        });
        let mut client = proxy.client();
        client.post("/secret", "a secret");
        proxy.until_waiting(1);
        Self { proxy, client }
    }

    fn connect(&self) -> Socket {
        Socket::connect(&self.proxy.doors[0]).expect("whoever knocks is heard")
    }

    /// Nobody was given the request; the first who may is.
    fn and_is_saved(mut self) {
        let counts = self.proxy.counts();
        assert_eq!((counts.backends, counts.waiting), (0, 1), "{counts:?}");
        let mut backend = self.proxy.backend_as(Dial { key: Some(KEY.to_vec()), ..self.proxy.dial() });
        let request = backend.request();
        assert_eq!((request.path().as_str(), request.flags.replay), ("/secret", false));
        assert_eq!(backend.body(&request), b"a secret");
        request.reply(200, "for you");
        assert_eq!(self.client.reply().text(), "for you");
    }
}

/// Says this and that nothing more comes, and reads until the proxy closes.
fn say(socket: &mut Socket, bytes: &[u8]) -> Vec<u8> {
    let sent = socket.write_all(bytes);
    let mut answer = Vec::new();
    match sent.and_then(|()| socket.read_to_end(&mut answer)) {
        Ok(_) => {}
        Err(error) => {
            let is_closed = matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
            assert!(is_closed, "the proxy does not close: {error}");
        }
    }
    answer
}

fn hello(dial: &Dial) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    ToProxy::Hello(dial.hello(LinkIndex::First)).write(&mut bytes);
    bytes
}

#[test]
fn noise_and_other_protocols_get_nothing_and_are_closed() {
    let besieged = Besieged::new();
    let mut random = Random::new(SEED);
    let mut said = vec![
        b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"swiftclient7f0000010050".to_vec(),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        vec![0; 8],
        vec![0xff; 70_000],
    ];
    for _ in 0..100 {
        let length = 8 + random.below(5000);
        said.push(random.bytes(length));
        // Behind the right preface too.
        let length = 600 + random.below(6000);
        said.push([&PREFACE[..], &random.bytes(length)].concat());
    }
    for bytes in &said {
        let mut socket = besieged.connect();
        // Some of it may be the beginning of something; nothing more comes.
        let _ = socket.write_all(bytes);
        socket.finish_sending();
        let answer = say(&mut socket, b"");
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.contains("secret") && answer.len() < 400, "{text:?} in answer to {:?}", &bytes[..8]);
    }
    besieged.and_is_saved();
}

#[test]
fn a_true_handshake_with_one_byte_changed_opens_nothing() {
    let besieged = Besieged::new();
    let mut random = Random::new(SEED);
    let dial = besieged.proxy.dial();
    for _ in 0..150 {
        let mut hello = hello(&dial);
        let at = random.below(hello.len());
        hello[at] ^= 1 << random.below(8);
        let mut socket = besieged.connect();
        socket.write_all(&hello).expect("it is read");
        socket.finish_sending();
        let answer = say(&mut socket, b"");
        // A CHALLENGE at most: no proof follows.
        assert!(answer.len() <= 8 + 32 + 8 + 256 && !answer.starts_with(&[0, 0, 0x3d, 0x04]), "{answer:?}");
    }
    besieged.and_is_saved();
}

#[test]
fn a_handshake_that_was_overheard_opens_nothing() {
    let besieged = Besieged::new();
    let dial = besieged.proxy.dial();
    let hello = hello(&dial);
    let mut socket = besieged.connect();
    socket.write_all(&hello).expect("it is read");
    let mut challenge = [0; FRAME_HEADER_BYTES + 32];
    socket.read_exact(&mut challenge).expect("a challenge");
    let Some((_, frame)) = Frame::parse(&challenge, 64).expect("a sound frame") else { panic!("all of it") };
    let Ok(ToBackend::Challenge(answer)) = ToBackend::read(frame) else { panic!("a CHALLENGE") };
    let mac =
        backend_proof(&Key::new(KEY.to_vec()), &answer.nonce, &hello[PREFACE.len() + FRAME_HEADER_BYTES..]);
    let mut proof = Vec::new();
    ToProxy::Proof(Proof { mac }).write(&mut proof);
    // It would have been right here; he who listens says it elsewhere, word by word.
    let overheard = [&hello[..], &proof].concat();
    for _ in 0..3 {
        let answer = say(&mut besieged.connect(), &overheard);
        let refusal = &answer[challenge.len()..];
        assert_eq!((refusal[3], refusal[8]), (0x05, 1), "a REFUSAL because of a wrong key");
    }
    drop(socket);
    besieged.and_is_saved();
}

#[test]
fn who_says_a_true_handshake_too_slowly_is_cut_though_he_never_falls_silent() {
    let besieged = Besieged::new();
    let hello = hello(&besieged.proxy.dial());
    let mut socket = besieged.connect();
    let (from, mut is_cut) = (Instant::now(), false);
    // HANDSHAKE_MS is five seconds; at this pace the HELLO alone would take twice as long.
    for byte in hello.iter().cycle() {
        if socket.write_all(&[*byte]).is_err() {
            is_cut = true;
            break;
        }
        thread::sleep(Duration::from_millis(100));
        assert!(from.elapsed() < PATIENCE, "he is still listened to");
    }
    assert!(is_cut);
    besieged.and_is_saved();
}

/// Without a key whoever can reach the address is a backend, also one that has lost its mind.
#[test]
fn a_backend_that_talks_nonsense_is_out_and_its_request_is_given_to_another() {
    let mut random = Random::new(SEED);
    let proxy = quick(|_| {});
    for round in 0..60 {
        let (mut mad, mut client) = (proxy.backend(), proxy.client());
        client.post("/", "an order");
        let request = mad.request();
        // A frame's header that announces what it likes, and noise; half of them about the open stream.
        let length = 8 + random.below(3000);
        let mut nonsense = random.bytes(length);
        nonsense[0] = 0;
        if round % 2 == 0 {
            nonsense[5..8].copy_from_slice(&[0, 0, request.stream as u8]);
        }
        // What is of no known type would be skipped.
        nonsense[3] = [0x01, 0x03, 0x20, 0x21, 0x22, 0x23, 0x25, 0x30, 0x34, 0x7f][random.below(10)];
        mad.say_bytes(&nonsense);
        mad.die();
        proxy.until("it is out", |counts| counts.backends == 0);
        // Chance may have said RESET or half a reply: then the client has its 502, or sees the cut.
        let mut is_answered = false;
        proxy.until("the request waits for another, or is answered", |counts| {
            is_answered = client.has_answer();
            is_answered || counts.waiting == 1
        });
        let mut other = proxy.backend();
        if is_answered {
            assert_eq!(client.reply_as_far_as_it_comes().status, 502);
            other.has_no_request();
        } else {
            let request = other.request();
            assert_eq!(other.body(&request), b"an order");
            request.reply(200, "done");
            assert_eq!(client.reply().status, 200);
        }
        other.die();
        proxy.until("nobody is left", |counts| counts.backends == 0);
    }
}

#[test]
fn who_asks_for_signs_of_life_and_reads_none_is_cut_off() {
    let folder = Folder::new();
    // A Unix socket holds a few hundred KiB; TCP would tens of megabytes.
    let proxy =
        quick(|config| config.sites[0].pools[0].outgoing = vec![Outgoing::Unix(folder.path("link.sock"))]);
    let mut link = proxy.dial().link(LinkIndex::First).expect("it is let in").socket;
    let mut pings = Vec::new();
    (0..4096).for_each(|number| ToProxy::Ping(number).write(&mut pings));
    // A megabyte of answers is ours to hold; then he is not listened to any more.
    let is_out = (0..256).any(|_| link.write_all(&pings).is_err() || proxy.counts().backends == 0);
    assert!(is_out, "16 MB of answers are on their way to nobody");
    proxy.until("it is out", |counts| counts.backends == 0);
}
