use swiftiply_wire::limits::HANDSHAKE_PAYLOAD_MAX;
use swiftiply_wire::{
    Challenge, Hello, Key as WireKey, LinkIndex, Refusal, RefusalCode, ToProxy, VERSION_MAX, proxy_proof,
};

use super::*;
use crate::Key;
use crate::limits::{LINKS_PER_PROXY_MAX, REDIAL_REFUSED};

/// The payload of the HELLO of a new connection, and the connection.
fn hello(scene: &mut Scene) -> (LinkId, Vec<u8>, Hello) {
    let dial = scene.dial();
    let id = scene.connector.dialled(&dial, [3; 32], scene.now).unwrap();
    let bytes = scene.output(id);
    let frame = bytes.strip_prefix(&PREFACE).expect("the preface comes first");
    let (_, frame) = Frame::parse(frame, HANDSHAKE_PAYLOAD_MAX).unwrap().unwrap();
    let ToProxy::Hello(hello) = ToProxy::read(frame).unwrap() else { panic!("{frame:?}") };
    (id, frame.payload.to_vec(), hello)
}

fn with_key(key: &str) -> Scene {
    Scene::new(Options { key: Some(Key::new(key).unwrap()), ..Options::default() })
}

/// A proxy that holds this key asks for it, and proves it.
fn authenticate(scene: &mut Scene, key: &str) -> LinkId {
    let (id, hello, _) = hello(scene);
    let nonce = [5; 32];
    scene.say(id, &ToBackend::Challenge(Challenge { nonce }));
    let answer = scene.output(id);
    let key = WireKey::new(key);
    let fits = Frame::parse(&answer, HANDSHAKE_PAYLOAD_MAX).unwrap().is_some_and(|(_, frame)| {
        matches!(ToProxy::read(frame), Ok(ToProxy::Proof(proof)) if key.accepts_backend(&nonce, &hello, &proof.mac))
    });
    match fits {
        true => {
            let proof = proxy_proof(&key, &nonce, &hello);
            scene.say(id, &ToBackend::Welcome(Welcome { proof, ..welcome(1, 0, 1) }));
        }
        false => refuse(scene, id, RefusalCode::WrongKey, "the key does not fit"),
    }
    id
}

fn refuse(scene: &mut Scene, id: LinkId, code: RefusalCode, reason: &str) {
    scene.say(id, &ToBackend::Refusal(Refusal { code, reason: reason.into() }));
}

/// The link is closed and the operator told: with this in the sentence.
fn assert_refused(scene: &mut Scene, id: LinkId, fatal: bool, part: &str) {
    let notice = scene.notice();
    assert_eq!(notice.kind, NoticeKind::Refused { fatal });
    assert!(notice.text.contains(part) && notice.text.contains("127.0.0.1:30000"), "{}", notice.text);
    assert!(scene.is_closed(id));
    assert_eq!(scene.connector.status().links, 0);
    let due = scene.connector.deadline(scene.now).unwrap() - scene.now;
    assert_eq!(due >= REDIAL_REFUSED, fatal, "{due:?}");
}

#[test]
fn a_backend_introduces_itself() {
    let mut scene = Scene::new(Options {
        slots: 5,
        label: "release 7".into(),
        language: "ruby 3.1.2".into(),
        adapter: "swiftiply-rack 0.9.0".into(),
        ..Options::default()
    });
    let (_, _, hello) = hello(&mut scene);
    assert_eq!((hello.link, hello.slots, hello.pid, hello.backend), (LinkIndex::First, 5, 4711, [9; 16]));
    let texts = [hello.label, hello.language, hello.adapter, hello.host];
    assert_eq!(texts, ["release 7", "ruby 3.1.2", "swiftiply-rack 0.9.0", "here"]);
}

#[test]
fn a_proxy_without_a_key_welcomes_at_once() {
    let (mut scene, id) = Scene::serving(1);
    let notice = scene.notice();
    assert_eq!(notice.kind, NoticeKind::Connected);
    assert_eq!(notice.text, "serving the proxy at 127.0.0.1:30000 over 1 link");
    assert_eq!(scene.connector.status().connected, 1);
    assert_eq!(scene.heard(id), []);
}

#[test]
fn both_sides_prove_the_key() {
    let mut scene = with_key("secret");
    authenticate(&mut scene, "secret");
    assert_eq!(scene.notice().kind, NoticeKind::Connected);
}

#[test]
fn a_wrong_key_is_told_in_the_words_of_the_proxy() {
    let mut scene = with_key("other");
    let id = authenticate(&mut scene, "secret");
    assert_refused(&mut scene, id, true, "the key does not fit");
}

#[test]
fn a_proxy_that_cannot_prove_the_key_is_not_served() {
    let part = "this proxy did not prove that it holds the key";
    let mut unasked = with_key("secret");
    let id = unasked.join(&welcome(1, 0, 1));
    assert_refused(&mut unasked, id, true, part);
    let mut pretender = with_key("secret");
    let id = pretender.greet();
    pretender.say(id, &ToBackend::Challenge(Challenge { nonce: [5; 32] }));
    pretender.say(id, &ToBackend::Welcome(Welcome { proof: [1; 32], ..welcome(1, 0, 1) }));
    assert_refused(&mut pretender, id, true, part);
}

#[test]
fn a_backend_without_a_key_says_how_to_set_it() {
    let mut scene = Scene::new(Options::default());
    let id = scene.greet();
    scene.say(id, &ToBackend::Challenge(Challenge { nonce: [5; 32] }));
    assert_refused(&mut scene, id, true, "set SWIFTIPLY_KEY or --key-file");
}

#[test]
fn refusals_are_permanent_or_pass() {
    for (code, fatal) in [
        (RefusalCode::Version, true),
        (RefusalCode::Malformed, true),
        (RefusalCode::Closing, false),
        (RefusalCode::TooMany, false),
    ] {
        let mut scene = Scene::new(Options::default());
        let id = scene.greet();
        refuse(&mut scene, id, code, "because");
        assert_refused(&mut scene, id, fatal, "because");
    }
}

#[test]
fn the_same_refusal_is_told_once_a_minute() {
    let mut scene = Scene::new(Options::default());
    let mut told = 0;
    for _ in 0..20 {
        let id = scene.greet();
        refuse(&mut scene, id, RefusalCode::WrongKey, "no");
        told += scene.notices().len();
        scene.pass(REDIAL_REFUSED);
    }
    assert_eq!(told, 5, "300 s");
}

#[test]
fn a_welcome_that_makes_no_sense_is_a_breach() {
    for nonsense in [
        Welcome { version: VERSION_MAX + 1, ..welcome(1, 0, 1) },
        welcome(1, 0, LINKS_PER_PROXY_MAX + 1),
        welcome(1, 1, 1),
    ] {
        let mut scene = Scene::new(Options::default());
        let id = scene.join(&nonsense);
        assert!(matches!(scene.heard(id)[..], [Said::Goodbye(_)]));
        assert_eq!(scene.connector.status().links, 0);
    }
}

#[test]
fn nothing_may_come_before_the_welcome_nor_a_second_handshake_after_it() {
    let mut scene = Scene::new(Options::default());
    let id = scene.greet();
    scene.request(id, 1, "GET");
    assert!(matches!(scene.heard(id)[..], [Said::Goodbye(_)]));
    assert_eq!(scene.connector.ready(), 0);
    let (mut scene, id) = Scene::serving(1);
    scene.say(id, &ToBackend::Welcome(welcome(1, 0, 1)));
    assert!(matches!(scene.heard(id)[..], [Said::Goodbye(_)]));
}

#[test]
fn something_else_than_a_proxy_is_named() {
    let mut scene = Scene::new(Options::default());
    let id = scene.greet();
    scene.connector.receive(id, b"HTTP/1.1 400 Bad Request\r\n\r\n", scene.now);
    let text = scene.notices().remove(0).text;
    assert!(text.contains("127.0.0.1:30000"), "{text}");
    let mut scene = Scene::new(Options::default());
    let id = scene.greet();
    scene.connector.lost(id, "it closed the connection", scene.now);
    assert_refused(&mut scene, id, false, "check that this is the site's address");
}
