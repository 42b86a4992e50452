use swiftiply_wire::limits::{BODY_KEPT_MIN, DATA_MAX, WINDOW_DEFAULT};

use super::*;
use crate::driver::Want;
use crate::{ReadError, ReplyError};

const EXPECTS: RequestFlags =
    RequestFlags { end: false, expects_continue: true, upgrade: false, replay: false };

fn uploading(body: Body) -> (Scene, LinkId, usize) {
    let (mut scene, id) = Scene::serving(1);
    scene.upload(id, 1, body, RequestFlags::default());
    let place = scene.take().place;
    (scene, id, place)
}

#[test]
fn requests_are_taken_in_the_order_in_which_they_came() {
    let (mut scene, id) = Scene::serving(3);
    for stream in [7, 2, 5] {
        scene.request(id, stream, "GET");
    }
    let keys: Vec<u64> = (0..3).map(|_| scene.take().key.as_u64()).collect();
    assert_eq!(keys, [1, 2, 3]);
    assert!(scene.connector.take().is_none());
    assert_eq!(scene.connector.status().in_flight, 3);
}

#[test]
fn a_request_beyond_the_slots_is_refused() {
    let (mut scene, id) = Scene::serving(1);
    let place = scene.given(id, 1, "GET");
    scene.request(id, 2, "GET");
    assert_eq!(scene.heard(id), [Said::Refuse(2)]);
    scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    scene.connector.forget(place);
    scene.request(id, 2, "GET");
    assert_eq!(scene.connector.ready(), 1);
}

#[test]
fn a_proxy_that_was_refused_hears_of_the_next_free_slot() {
    let connect = ["a:1", "b:2"].map(|address| address.parse().unwrap()).to_vec();
    let mut scene = Scene::new(Options { connect, slots: 1, ..Options::default() });
    let (a, b) = (scene.join(&welcome(1, 0, 1)), scene.join(&welcome(2, 0, 1)));
    let place = scene.given(a, 1, "GET");
    scene.request(b, 1, "GET");
    assert_eq!(scene.heard(b), [Said::Refuse(1)]);
    scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    scene.connector.forget(place);
    assert_eq!(scene.heard(b), [Said::Slots(1)]);
    assert!(!scene.heard(a).contains(&Said::Slots(1)), "only who was refused waits for that");
    let place = scene.given(b, 1, "GET");
    scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    assert!(!scene.heard(b).contains(&Said::Slots(1)), "once");
}

#[test]
fn the_word_of_a_free_slot_cannot_overtake_the_refusal() {
    let mut scene = Scene::new(Options { slots: 1, ..Options::default() });
    let (first, second) = (scene.join(&welcome(1, 0, 2)), scene.join(&welcome(1, 1, 2)));
    let place = scene.given(first, 1, "GET");
    scene.request(second, 1, "GET");
    scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    assert_eq!(scene.heard(second), [Said::Refuse(1), Said::Slots(1)], "on the link of the refusal");
    assert!(!scene.heard(first).contains(&Said::Slots(1)));
    scene.connector.set_slots(3);
    let both = [scene.heard(first), scene.heard(second)];
    assert_eq!(
        both,
        [[Said::Slots(3)], [Said::Slots(3)]],
        "the last number is the same, whichever is read first"
    );

    let places = [2, 3, 4].map(|stream| scene.given(first, stream, "GET"));
    let place = places[0];
    scene.request(second, 2, "GET");
    scene.connector.lost(second, "connection reset", scene.now);
    scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    assert_eq!(scene.heard(first).last(), Some(&Said::Slots(3)), "or on another, when that link is lost");
}

#[test]
fn an_upload_that_its_proxy_could_not_send_again_is_taken_beyond_the_slots() {
    let (mut scene, id) = Scene::serving(1);
    let place = scene.given(id, 1, "GET");
    let long = Body::Length(BODY_KEPT_MIN + 1);
    for (stream, body) in [(2, long), (3, Body::Unknown), (4, Body::Length(BODY_KEPT_MIN))] {
        scene.upload(id, stream, body, RequestFlags::default());
    }
    assert_eq!(scene.heard(id), [Said::Refuse(4)]);
    assert_eq!(scene.connector.ready(), 2);
    for place in [place, scene.take().place, scene.take().place] {
        scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
        scene.connector.forget(place);
    }
    assert_eq!(scene.connector.status().in_flight, 0);
    assert_eq!(scene.heard(id).last(), Some(&Said::Slots(1)), "not before one is free");
}

#[test]
fn slots_are_shared_by_all_proxies() {
    let connect = ["a:1", "b:2"].map(|address| address.parse().unwrap()).to_vec();
    let mut scene = Scene::new(Options { connect, ..Options::default() });
    let (a, b) = (scene.join(&welcome(1, 0, 1)), scene.join(&welcome(2, 0, 1)));
    scene.request(a, 1, "GET");
    scene.request(b, 1, "GET");
    assert_eq!(scene.heard(b), [Said::Refuse(1)]);
    assert_eq!(scene.heard(a), []);
}

#[test]
fn what_must_not_run_twice_is_told_before_it_runs() {
    for (method, told) in [("POST", true), ("PATCH", true), ("BREW", true), ("GET", false), ("DELETE", false)]
    {
        let (mut scene, id) = Scene::serving(1);
        scene.request(id, 1, method);
        assert_eq!(scene.heard(id), [], "not while it only waits");
        scene.take();
        let expected: &[Said] = if told { &[Said::Started(1)] } else { &[] };
        assert_eq!(scene.heard(id), expected, "{method}");
    }
}

#[test]
fn a_body_comes_in_pieces() {
    let (mut scene, id, place) = uploading(Body::Length(11));
    assert_eq!(scene.read(place), Read::Nothing);
    scene.data(id, 1, b"hello ", false);
    assert_eq!(scene.read(place), Read::Data(b"hello ".to_vec()));
    assert!(!scene.connector.is_ready(Want::Readable(place)));
    scene.data(id, 1, b"world", true);
    assert_eq!(scene.read(place), Read::Data(b"world".to_vec()));
    assert_eq!(scene.read(place), Read::End);
}

#[test]
fn trailers_follow_the_body() {
    let (mut scene, id, place) = uploading(Body::Unknown);
    scene.data(id, 1, b"body", false);
    let mut trailers = swiftiply_wire::HeaderBlock::new();
    trailers.push(b"Checksum", b"abc");
    scene.say(id, &ToBackend::Trailers { stream: 1, headers: trailers.as_headers() });
    assert_eq!(scene.connector.request_trailers(place), None, "not before the body is read");
    assert_eq!(scene.read(place), Read::Data(b"body".to_vec()));
    assert_eq!(scene.read(place), Read::End);
    assert_eq!(scene.connector.request_trailers(place), Some(trailers));
}

#[test]
fn an_app_that_does_not_read_stops_the_upload_and_one_that_reads_lets_it_go_on() {
    let (mut scene, id, place) = uploading(Body::Unknown);
    let piece = [b'x'; DATA_MAX];
    let pieces = WINDOW_DEFAULT as usize / DATA_MAX;
    for _ in 0..pieces {
        scene.data(id, 1, &piece, false);
    }
    assert_eq!(scene.heard(id), [], "nothing was read");
    for _ in 1..pieces / 2 {
        scene.connector.read(place, DATA_MAX);
        assert_eq!(scene.heard(id), []);
    }
    scene.connector.read(place, DATA_MAX);
    let half = WINDOW_DEFAULT / 2;
    assert_eq!(scene.heard(id), [Said::Window { stream: 1, credit: half }], "half of the window was read");
    for _ in 0..pieces / 2 {
        scene.data(id, 1, &piece, false);
    }
    assert_eq!(scene.heard(id), []);
    scene.data(id, 1, b"x", false);
    assert!(matches!(scene.heard(id)[..], [Said::Goodbye(_)]), "more than the window allows");
}

#[test]
fn a_body_that_breaks_its_own_length_never_looks_whole() {
    let (mut scene, id, place) = uploading(Body::Length(5));
    scene.data(id, 1, b"four", true);
    assert!(matches!(scene.heard(id)[..], [Said::Goodbye(_)]));
    assert_eq!(scene.read(place), Read::Failed(ReadError::LinkLost));
    assert_eq!(scene.connector.send_reply(place, &head(200, &[]), b""), Err(ReplyError::LinkLost));
}

#[test]
fn the_first_read_lets_an_expecting_client_continue() {
    let (mut scene, id) = Scene::serving(1);
    scene.upload(id, 1, Body::Length(4), EXPECTS);
    let place = scene.take().place;
    assert_eq!(scene.heard(id), []);
    assert_eq!(scene.read(place), Read::Nothing);
    assert_eq!(scene.read(place), Read::Nothing);
    assert_eq!(scene.heard(id), [Said::Inform { stream: 1, status: 100, headers: vec![] }]);
}

#[test]
fn an_expecting_client_is_not_told_twice_nor_after_the_reply() {
    let (mut scene, id) = Scene::serving(2);
    scene.upload(id, 1, Body::Length(4), EXPECTS);
    let place = scene.take().place;
    scene.connector.inform(place, 100, &[]).unwrap();
    scene.read(place);
    assert_eq!(scene.heard(id).len(), 1, "the app said it itself");
    scene.upload(id, 2, Body::Length(4), EXPECTS);
    let place = scene.take().place;
    scene.connector.start_reply(place, &head(413, &[])).unwrap();
    scene.connector.write(place, b"too much").unwrap();
    scene.heard(id);
    assert_eq!(scene.read(place), Read::Failed(ReadError::ReplyEnded), "it never comes");
    assert_eq!(scene.heard(id), []);
}

#[test]
fn a_request_that_its_client_gave_up_before_it_ran_never_runs() {
    let (mut scene, id) = Scene::serving(1);
    scene.request(id, 1, "POST");
    scene.cancel(id, 1, CancelCode::ClientLeft);
    assert!(scene.connector.take().is_none());
    assert_eq!(scene.heard(id), [reset(1, "")]);
    assert_eq!(scene.connector.status().in_flight, 0);
}

#[test]
fn a_client_that_leaves_is_seen_at_once_and_its_upload_is_cut() {
    let (mut scene, id, place) = uploading(Body::Length(9));
    scene.data(id, 1, b"four", false);
    scene.happened();
    scene.cancel(id, 1, CancelCode::ClientLeft);
    assert_eq!(scene.happened(), [Happened::Disconnected]);
    assert!(scene.connector.is_disconnected(place));
    assert_eq!(scene.read(place), Read::Data(b"four".to_vec()));
    assert_eq!(scene.read(place), Read::Failed(ReadError::ClientGone));
    scene.connector.forget(place);
    assert_eq!(scene.heard(id), [reset(1, "the app gave no reply")]);
}

#[test]
fn a_whole_body_can_be_read_after_the_client_left() {
    let (mut scene, id, place) = uploading(Body::Length(4));
    scene.data(id, 1, b"body", true);
    scene.cancel(id, 1, CancelCode::ClientLeft);
    assert_eq!(scene.read(place), Read::Data(b"body".to_vec()));
    assert_eq!(scene.read(place), Read::End);
}

#[test]
fn a_reply_may_end_before_the_request_does() {
    let (mut scene, id, place) = uploading(Body::Length(9));
    scene.data(id, 1, b"four", false);
    scene.connector.send_reply(place, &head(413, &[]), b"too much").unwrap();
    scene.data(id, 1, b"late", false);
    assert_eq!(scene.read(place), Read::Data(b"four".to_vec()));
    assert_eq!(scene.read(place), Read::Failed(ReadError::ReplyEnded));
    assert!(matches!(scene.heard(id)[..], [Said::Reply { .. }, Said::Data { .. }]));
    scene.connector.forget(place);
    assert_eq!(scene.heard(id), []);
}

#[test]
fn what_crossed_with_the_end_of_a_stream_means_nothing() {
    let (mut scene, id) = Scene::serving(1);
    scene.data(id, 9, b"late", true);
    scene.cancel(id, 9, CancelCode::ClientLeft);
    scene.say(id, &ToBackend::Window { stream: 9, credit: 5 });
    scene.say(id, &ToBackend::Unknown(0x99));
    assert_eq!(scene.heard(id), []);
}

#[test]
fn a_stream_that_is_in_use_cannot_carry_a_second_request() {
    let (mut scene, id) = Scene::serving(9);
    scene.request(id, 1, "GET");
    scene.request(id, 1, "GET");
    assert!(matches!(scene.heard(id)[..], [Said::Goodbye(_)]));
    assert_eq!(scene.connector.ready(), 0, "what nobody has taken is somebody else's now");
    assert_eq!(scene.connector.status().in_flight, 0);
}

#[test]
fn an_event_follows_each_read_that_found_nothing() {
    let (mut scene, id, place) = uploading(Body::Unknown);
    scene.data(id, 1, b"a", false);
    assert_eq!(scene.happened(), [Happened::Readable], "the first comes unasked");
    scene.data(id, 1, b"b", false);
    assert_eq!(scene.happened(), []);
    assert_eq!(scene.read(place), Read::Data(b"ab".to_vec()));
    assert_eq!(scene.read(place), Read::Nothing);
    scene.data(id, 1, b"", true);
    assert_eq!(scene.happened(), [Happened::Readable]);
}
