//! Bytes in any pieces mean the same, and no bytes make the core panic.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Everything that a proxy may say after its welcome, in one go.
fn conversation() -> Vec<u8> {
    let mut bytes = Vec::new();
    ToBackend::Welcome(welcome(1, 0, 1)).write(&mut bytes);
    ToBackend::Ping(7).write(&mut bytes);
    let flags = RequestFlags::default();
    bytes.extend(request(1, "PUT", Body::Length(10), flags));
    ToBackend::Data { stream: 1, data: b"hello", end: false }.write(&mut bytes);
    bytes.extend(request(2, "GET", Body::None, RequestFlags { end: true, ..flags }));
    ToBackend::Unknown(0x80).write(&mut bytes);
    ToBackend::Data { stream: 1, data: b"world", end: true }.write(&mut bytes);
    bytes.extend(request(3, "GET", Body::None, RequestFlags { end: true, ..flags }));
    ToBackend::Cancel { stream: 2, code: CancelCode::ClientLeft }.write(&mut bytes);
    ToBackend::Window { stream: 1, credit: 5 }.write(&mut bytes);
    bytes
}

/// What comes of bytes in these pieces: what is answered, which requests there are, and the first one's body.
fn outcome<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Said>, Vec<u64>, Read) {
    let mut scene = Scene::new(Options { slots: 2, ..Options::default() });
    let id = scene.greet();
    for piece in pieces {
        scene.connector.receive(id, piece, scene.now);
    }
    let taken: Vec<Taken> = std::iter::from_fn(|| scene.connector.take()).collect();
    let body = scene.read(taken[0].place);
    (scene.heard(id), taken.iter().map(|taken| taken.key.as_u64()).collect(), body)
}

#[test]
fn bytes_one_at_a_time_mean_the_same_as_all_at_once() {
    let bytes = conversation();
    let whole = outcome(std::iter::once(&bytes[..]));
    assert_eq!(whole.0, [Said::Pong(7), Said::Refuse(3), reset(2, ""), Said::Slots(2)]);
    assert_eq!((whole.1.clone(), whole.2.clone()), (vec![1], Read::Data(b"helloworld".to_vec())));
    assert_eq!(outcome(bytes.chunks(1)), whole);
}

proptest! {
    #[test]
    fn bytes_in_any_pieces_mean_the_same(sizes in vec(1usize..40, 1..60)) {
        let bytes = conversation();
        let whole = outcome(std::iter::once(&bytes[..]));
        let mut rest = &bytes[..];
        let mut sizes = sizes.iter().cycle();
        let pieces = std::iter::from_fn(|| {
            let n = rest.len().min(*sizes.next()?);
            let (piece, after) = rest.split_at(n);
            rest = after;
            (n > 0).then_some(piece)
        });
        prop_assert_eq!(outcome(pieces), whole);
    }

    #[test]
    fn no_bytes_make_the_core_panic(bytes in vec(any::<u8>(), 0..400), is_welcome: bool) {
        let mut scene = Scene::new(Options::default());
        let id = if is_welcome { scene.join(&welcome(1, 0, 1)) } else { scene.greet() };
        scene.connector.receive(id, &bytes, scene.now);
        scene.heard(id);
        scene.pass(PING * 2);
    }

    #[test]
    fn no_frames_in_any_order_make_the_core_panic(frames in vec((any::<u8>(), any::<u8>(), 0u8..4, vec(any::<u8>(), 0..30)), 0..40)) {
        let (mut scene, id) = Scene::serving(3);
        for (kind, flags, stream, payload) in frames {
            // Mostly the types that are about streams.
            let kind = if kind < 200 { 0x10 + kind % 5 } else { kind };
            let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, stream];
            frame.extend(&payload);
            if kind == 0x10 && flags % 2 == 0 {
                frame = request(stream.into(), "POST", Body::Unknown, RequestFlags::default());
            }
            scene.connector.receive(id, &frame, scene.now);
            if let Some(taken) = scene.connector.take() {
                let _ = scene.read(taken.place);
                if flags % 3 == 0 {
                    let _ = scene.connector.send_reply(taken.place, &head(200, &[]), &payload);
                    scene.connector.forget(taken.place);
                }
            }
        }
        scene.heard(id);
        let status = scene.connector.status();
        prop_assert!(status.in_flight <= 3);
        scene.connector.stop();
        scene.connector.close(id);
        prop_assert!(scene.connector.has_ended());
    }
}
