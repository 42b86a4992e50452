use swiftiply_wire::limits::DATA_MAX;

use super::*;
use crate::driver::Want;
use crate::limits::LINK_OUT_MAX;
use crate::{ReplyError, Trailers};

fn asked(method: &str) -> (Scene, LinkId, usize) {
    let (mut scene, id) = Scene::serving(1);
    let place = scene.given(id, 1, method);
    scene.heard(id);
    (scene, id, place)
}

fn reply(status: u16, headers: &[(&str, &str)], body: Body, end: bool) -> Said {
    Said::Reply { stream: 1, status, headers: texts(headers), body, end, hold: false }
}

#[test]
fn a_small_reply_is_one_head_and_one_piece() {
    let (mut scene, id, place) = asked("GET");
    let head = head(200, &[("Content-Type", "text/plain")]);
    assert_eq!(scene.connector.send_reply(place, &head, b"Hello"), Ok(5));
    let expected =
        [reply(200, &[("Content-Type", "text/plain")], Body::Length(5), false), data(1, b"Hello", true)];
    assert_eq!(scene.heard(id), expected);
    assert_eq!(scene.connector.status().in_flight, 0);
}

#[test]
fn an_empty_reply_is_one_frame() {
    let (mut scene, id, place) = asked("GET");
    assert_eq!(scene.connector.send_reply(place, &head(200, &[]), b""), Ok(0));
    assert_eq!(scene.heard(id), [reply(200, &[], Body::Length(0), true)]);
    let (mut scene, id, place) = asked("GET");
    scene.connector.start_reply(place, &head(302, &[("Location", "/")])).unwrap();
    scene.connector.finish_reply(place, None).unwrap();
    assert_eq!(scene.heard(id), [reply(302, &[("Location", "/")], Body::Length(0), true)]);
}

#[test]
fn a_streamed_reply_leaves_piece_by_piece_and_its_head_with_the_first() {
    let (mut scene, id, place) = asked("GET");
    scene.connector.start_reply(place, &head(200, &[])).unwrap();
    assert_eq!(scene.heard(id), []);
    assert!(!scene.connector.reply_has_begun(place));
    assert_eq!(scene.connector.write(place, b"one"), Ok(3));
    assert_eq!(scene.heard(id), [reply(200, &[], Body::Unknown, false), data(1, b"one", false)]);
    assert_eq!(scene.connector.write(place, b"two"), Ok(3));
    scene.connector.finish_reply(place, None).unwrap();
    assert_eq!(scene.heard(id), [data(1, b"two", false), data(1, b"", true)]);
}

#[test]
fn a_head_can_be_replaced_until_it_leaves() {
    let (mut scene, id, place) = asked("GET");
    scene.connector.start_reply(place, &head(200, &[])).unwrap();
    assert_eq!(scene.connector.start_reply(place, &head(500, &[])), Err(ReplyError::AlreadyStarted));
    scene.connector.restart_reply(place, &head(500, &[])).unwrap();
    scene.connector.write(place, b"").unwrap();
    assert_eq!(scene.heard(id), [reply(500, &[], Body::Unknown, false)]);
    assert_eq!(scene.connector.restart_reply(place, &head(404, &[])), Err(ReplyError::AlreadyStarted));
}

#[test]
fn the_order_of_a_reply_is_kept() {
    let (mut scene, _, place) = asked("GET");
    assert_eq!(scene.connector.write(place, b"x"), Err(ReplyError::NotStarted));
    assert_eq!(scene.connector.finish_reply(place, None), Err(ReplyError::NotStarted));
    scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    assert_eq!(scene.connector.send_reply(place, &head(200, &[]), b""), Err(ReplyError::AlreadyEnded));
    assert_eq!(scene.connector.start_reply(place, &head(200, &[])), Err(ReplyError::AlreadyEnded));
    assert_eq!(scene.connector.write(place, b"x"), Err(ReplyError::AlreadyEnded));
    assert_eq!(scene.connector.finish_reply(place, None), Err(ReplyError::AlreadyEnded));
    assert_eq!(scene.connector.inform(place, 103, &[]), Err(ReplyError::AlreadyEnded));
}

#[test]
fn informational_replies_come_before_the_reply() {
    let (mut scene, id, place) = asked("GET");
    scene.connector.inform(place, 103, &[(b"Link", b"</a.css>")]).unwrap();
    let headers = texts(&[("Link", "</a.css>")]);
    assert_eq!(scene.heard(id), [Said::Inform { stream: 1, status: 103, headers }]);
    for status in [99, 101, 200] {
        assert_eq!(scene.connector.inform(place, status, &[]), Err(ReplyError::BadStatus(status)));
    }
    let injected = scene.connector.inform(place, 103, &[(b"Link", b"a\r\nb: c")]);
    assert!(matches!(injected, Err(ReplyError::BadHeader { .. })));
    scene.connector.start_reply(place, &head(200, &[])).unwrap();
    assert_eq!(scene.connector.inform(place, 103, &[]), Ok(()), "the head has not left");
    scene.connector.write(place, b"").unwrap();
    assert_eq!(scene.connector.inform(place, 103, &[]), Err(ReplyError::AlreadyStarted));
}

#[test]
fn more_than_the_content_length_is_cut_off() {
    let (mut scene, id, place) = asked("GET");
    let five = head(200, &[("Content-Length", "5")]);
    scene.connector.start_reply(place, &five).unwrap();
    assert_eq!(scene.connector.write(place, b"abc"), Ok(3));
    assert_eq!(scene.connector.write(place, b"defgh"), Err(ReplyError::TooLong { announced: 5 }));
    assert_eq!(scene.connector.write(place, b"i"), Err(ReplyError::TooLong { announced: 5 }));
    scene.connector.finish_reply(place, None).unwrap();
    let expected = [
        reply(200, &[], Body::Length(5), false),
        data(1, b"abc", false),
        data(1, b"de", false),
        data(1, b"", true),
    ];
    let heard: Vec<Said> = scene.heard(id);
    assert_eq!(heard, expected);
    let (mut scene, id, place) = asked("GET");
    assert_eq!(
        scene.connector.send_reply(place, &five, b"abcdefgh"),
        Err(ReplyError::TooLong { announced: 5 })
    );
    assert_eq!(scene.heard(id), [reply(200, &[], Body::Length(5), false), data(1, b"abcde", true)]);
}

#[test]
fn less_than_the_content_length_is_aborted() {
    let five = head(200, &[("Content-Length", "5")]);
    let short = |given| Err(ReplyError::TooShort { announced: 5, given });
    let (mut scene, id, place) = asked("GET");
    scene.connector.start_reply(place, &five).unwrap();
    scene.connector.write(place, b"abc").unwrap();
    assert_eq!(scene.connector.finish_reply(place, None), short(3));
    assert!(matches!(scene.heard(id).last(), Some(Said::Reset { stream: 1, .. })));
    let (mut scene, id, place) = asked("GET");
    scene.connector.start_reply(place, &five).unwrap();
    assert_eq!(scene.connector.finish_reply(place, None), short(0));
    assert!(matches!(scene.heard(id)[..], [Said::Reset { stream: 1, .. }]));
    let (mut scene, id, place) = asked("GET");
    assert_eq!(scene.connector.send_reply(place, &five, b"abc").map(drop), short(3));
    assert!(matches!(scene.heard(id)[..], [Said::Reset { stream: 1, .. }]));
}

#[test]
fn replies_that_cannot_have_a_body_drop_it() {
    let five = &[("Content-Length", "5")];
    for (method, status, headers, announced) in [
        ("HEAD", 200, &five[..], Body::Length(5)),
        ("HEAD", 200, &[], Body::Length(4)),
        ("GET", 304, five, Body::Length(5)),
        ("GET", 204, five, Body::None),
        ("GET", 205, &[], Body::None),
    ] {
        let (mut scene, id, place) = asked(method);
        assert_eq!(scene.connector.send_reply(place, &head(status, headers), b"body"), Ok(4));
        assert_eq!(scene.heard(id), [reply(status, &[], announced, true)], "{method} {status}");
        let (mut scene, id, place) = asked(method);
        scene.connector.start_reply(place, &head(status, headers)).unwrap();
        assert_eq!(scene.connector.write(place, &[b'x'; 500]), Ok(500), "the window does not matter");
        assert!(matches!(scene.heard(id)[..], [Said::Reply { end: true, hold: true, .. }]));
        assert_eq!(scene.connector.status().in_flight, 1, "the app goes on");
        scene.connector.finish_reply(place, None).unwrap();
        assert_eq!(scene.heard(id), [Said::Release(1)], "{method} {status}");
        assert_eq!(scene.connector.status().in_flight, 0);
    }
}

#[test]
fn what_the_connection_header_names_does_not_pass() {
    let (mut scene, id, place) = asked("GET");
    let headers = &[("X-Hop", "1"), ("Connection", "close, x-hop"), ("ETag", "e")];
    scene.connector.send_reply(place, &head(200, headers), b"").unwrap();
    assert_eq!(scene.heard(id), [reply(200, &[("ETag", "e")], Body::Length(0), true)]);
}

#[test]
fn the_window_stops_a_reply_and_a_grant_lets_it_go_on() {
    let (mut scene, id, place) = asked("GET");
    scene.connector.start_reply(place, &head(200, &[])).unwrap();
    assert_eq!(scene.connector.write(place, &[b'x'; 150]), Ok(100), "the window of the welcome");
    assert_eq!(scene.connector.write(place, b"x"), Ok(0));
    assert!(!scene.connector.is_ready(Want::Writable(place)));
    assert_eq!(scene.happened(), []);
    scene.heard(id);
    scene.say(id, &ToBackend::Window { stream: 1, credit: 30 });
    assert_eq!(scene.happened(), [Happened::Writable]);
    assert_eq!(scene.connector.write(place, &[b'x'; 50]), Ok(30));
    assert_eq!(scene.heard(id), [data(1, &[b'x'; 30], false)]);
}

#[test]
fn a_whole_reply_beyond_the_window_goes_on_as_a_stream() {
    let (mut scene, id, place) = asked("GET");
    let body = [b'x'; 150];
    assert_eq!(scene.connector.send_reply(place, &head(200, &[]), &body), Ok(100));
    scene.say(id, &ToBackend::Window { stream: 1, credit: 100 });
    assert_eq!(scene.connector.write(place, &body[100..]), Ok(50));
    scene.connector.finish_reply(place, None).unwrap();
    let expected = [
        reply(200, &[], Body::Length(150), false),
        data(1, &body[..100], false),
        data(1, &body[..50], false),
        data(1, b"", true),
    ];
    assert_eq!(scene.heard(id), expected);
}

#[test]
fn a_link_that_does_not_move_holds_up_its_writers() {
    let (mut scene, id, place) = asked("GET");
    scene.say(id, &ToBackend::Window { stream: 1, credit: u32::MAX });
    scene.connector.start_reply(place, &head(200, &[])).unwrap();
    let written = scene.connector.write(place, &vec![b'x'; 2 * LINK_OUT_MAX]).unwrap();
    assert!(written <= LINK_OUT_MAX);
    assert_eq!(scene.connector.write(place, b"x"), Ok(0));
    let mut out = Vec::new();
    scene.connector.take_output(id, &mut out);
    assert_eq!(scene.connector.write(place, b"x"), Ok(0), "taken is not sent");
    scene.connector.sent(id, LINK_OUT_MAX / 4);
    assert_eq!(scene.happened(), []);
    scene.connector.sent(id, out.len() - LINK_OUT_MAX / 4);
    assert_eq!(scene.happened(), [Happened::Writable]);
    let longest = out.chunks(DATA_MAX + 8).count();
    assert!(longest >= LINK_OUT_MAX / DATA_MAX);
    assert_eq!(scene.connector.write(place, b"x"), Ok(1));
}

#[test]
fn trailers_follow_a_body_of_unknown_length_only() {
    let mut trailers = Trailers::new();
    trailers.push(b"Checksum", b"abc").unwrap();
    let said = Said::Trailers { stream: 1, headers: texts(&[("Checksum", "abc")]) };
    for (headers, write, last) in [
        (&[][..], true, said.clone()),
        (&[], false, said.clone()),
        (&[("Content-Length", "3")], true, data(1, b"", true)),
    ] {
        let (mut scene, id, place) = asked("GET");
        scene.connector.start_reply(place, &head(200, headers)).unwrap();
        if write {
            scene.connector.write(place, b"abc").unwrap();
        }
        scene.connector.finish_reply(place, Some(&trailers)).unwrap();
        assert_eq!(scene.heard(id).last(), Some(&last));
    }
}

#[test]
fn an_exchange_that_is_dropped_without_a_reply_is_reset_and_told() {
    let (mut scene, id, place) = asked("GET");
    scene.notices();
    scene.connector.forget(place);
    assert_eq!(scene.heard(id), [reset(1, "the app gave no reply")]);
    assert_eq!(scene.notice().kind, NoticeKind::AppFault);
    assert_eq!(scene.connector.status().in_flight, 0);
    let (mut scene, id, place) = asked("GET");
    scene.connector.start_reply(place, &head(200, &[])).unwrap();
    scene.connector.write(place, b"half").unwrap();
    scene.connector.forget(place);
    assert_eq!(scene.heard(id).last(), Some(&reset(1, "the app did not finish its reply")));
}

#[test]
fn an_abort_is_a_reset_with_its_reason_and_does_nothing_after_the_end() {
    let (mut scene, id, place) = asked("GET");
    scene.connector.abort_reply(place, "it raised");
    scene.connector.abort_reply(place, "again");
    scene.connector.forget(place);
    assert_eq!(scene.heard(id), [reset(1, "it raised")]);
}

#[test]
fn a_client_that_left_gets_a_whole_reply_but_no_stream() {
    let (mut scene, id, place) = asked("GET");
    scene.cancel(id, 1, CancelCode::ClientLeft);
    assert_eq!(scene.connector.send_reply(place, &head(200, &[]), b"whole"), Ok(5));
    assert_eq!(scene.heard(id).last(), Some(&data(1, b"whole", true)));
    let (mut scene, id, place) = asked("GET");
    scene.connector.start_reply(place, &head(200, &[])).unwrap();
    scene.cancel(id, 1, CancelCode::ClientLeft);
    assert_eq!(scene.connector.write(place, b"part"), Err(ReplyError::ClientGone));
    assert_eq!(scene.connector.finish_reply(place, None), Err(ReplyError::ClientGone));
    assert_eq!(scene.heard(id), [reset(1, "")], "what lacks a piece does not end as if it were whole");
}

#[test]
fn after_the_deadline_nothing_is_taken() {
    let (mut scene, id, place) = asked("GET");
    scene.cancel(id, 1, CancelCode::Deadline);
    assert_eq!(scene.connector.start_reply(place, &head(200, &[])), Err(ReplyError::Deadline));
    assert_eq!(scene.heard(id), []);
    assert_eq!(scene.connector.send_reply(place, &head(200, &[]), b"x"), Err(ReplyError::Deadline));
    assert_eq!(scene.heard(id), [reset(1, "")]);
}

#[test]
fn a_held_slot_is_free_only_when_it_is_released() {
    let (mut scene, id, place) = asked("GET");
    scene.connector.hold_slot(place);
    scene.connector.send_reply(place, &head(200, &[]), b"x").unwrap();
    assert!(matches!(scene.heard(id)[1], Said::Data { end: true, hold: true, .. }));
    assert_eq!(scene.connector.status().in_flight, 1);
    scene.request(id, 2, "GET");
    assert_eq!(scene.heard(id), [Said::Refuse(2)]);
    scene.connector.release_slot(place);
    scene.connector.release_slot(place);
    assert_eq!(scene.heard(id), [Said::Release(1), Said::Slots(1)]);
    assert_eq!(scene.connector.status().in_flight, 0);
    scene.connector.forget(place);
    assert_eq!(scene.heard(id), []);
}

#[test]
fn dropping_an_exchange_releases_its_slot() {
    let (mut scene, id, place) = asked("GET");
    scene.connector.hold_slot(place);
    scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    scene.heard(id);
    scene.connector.forget(place);
    assert_eq!(scene.heard(id), [Said::Release(1)]);
    assert_eq!(scene.connector.status().in_flight, 0);
}

#[test]
fn an_upgrade_makes_the_stream_a_tunnel() {
    let (mut scene, id, place) = offered(0);
    scene.connector.start_reply(place, &head(101, &[("Upgrade", "websocket")])).unwrap();
    scene.connector.write(place, b"").unwrap();
    assert_eq!(scene.heard(id), [reply(101, &[("Upgrade", "websocket")], Body::Unknown, false)]);
    assert_eq!(scene.read(place), Read::Nothing);
    scene.data(id, 1, b"ping", false);
    assert_eq!(scene.read(place), Read::Data(b"ping".to_vec()));
    assert_eq!(scene.connector.write(place, b"pong"), Ok(4));
    scene.data(id, 1, b"", true);
    assert_eq!(scene.read(place), Read::End);
    scene.connector.finish_reply(place, None).unwrap();
    assert_eq!(scene.heard(id), [data(1, b"pong", false), data(1, b"", true)]);
    let (mut scene, _, place) = asked("GET");
    assert_eq!(scene.connector.start_reply(place, &head(101, &[])), Err(ReplyError::BadStatus(101)));
}

#[test]
fn a_tunnel_in_which_nothing_is_said_begins_and_ends() {
    let (mut scene, id, place) = offered(0);
    scene.connector.start_reply(place, &head(101, &[])).unwrap();
    scene.connector.finish_reply(place, None).unwrap();
    assert_eq!(scene.heard(id), [reply(101, &[], Body::Unknown, false), data(1, b"", true)]);
}

#[test]
fn a_tunnel_can_go_on_without_its_slot() {
    let (mut scene, id, place) = offered(0);
    scene.connector.start_reply(place, &head(101, &[])).unwrap();
    scene.connector.write(place, b"").unwrap();
    scene.heard(id);
    scene.connector.release_slot(place);
    scene.connector.release_slot(place);
    scene.connector.hold_slot(place);
    assert_eq!(scene.heard(id), [Said::Release(1)]);
    assert_eq!(scene.connector.status().in_flight, 0);
    scene.request(id, 2, "GET");
    assert_eq!(scene.connector.ready(), 1);
    scene.data(id, 1, b"ping", false);
    assert_eq!(scene.read(place), Read::Data(b"ping".to_vec()));
    let mut trailers = Trailers::new();
    trailers.push(b"A", b"b").unwrap();
    scene.connector.finish_reply(place, Some(&trailers)).unwrap();
    assert_eq!(scene.heard(id), [data(1, b"", true)]);
}

#[test]
fn an_abort_after_a_whole_head_only_gives_the_slot_back() {
    let (mut scene, id, place) = asked("HEAD");
    scene.connector.start_reply(place, &head(200, &[])).unwrap();
    scene.connector.write(place, b"x").unwrap();
    scene.heard(id);
    scene.connector.forget(place);
    assert_eq!(scene.heard(id), [Said::Release(1)]);
}

/// A request that offers an upgrade, taken by the app of a backend with one slot and so many tunnels.
fn offered(tunnels: u32) -> (Scene, LinkId, usize) {
    let mut scene = Scene::new(Options { slots: 1, tunnels, ..Options::default() });
    let id = scene.join(&welcome(1, 0, 1));
    let place = scene.offer(id, 1);
    (scene, id, place)
}

#[test]
fn a_claimed_tunnel_leaves_its_slot_with_its_head() {
    let (mut scene, id, place) = offered(1);
    assert!(scene.connector.claim_tunnel(place) && scene.connector.claim_tunnel(place), "the same one");
    assert_eq!(scene.connector.status().tunnels, 1);
    assert_eq!(scene.connector.status().in_flight, 1, "while the app decides");
    scene.connector.start_reply(place, &head(101, &[])).unwrap();
    scene.connector.write(place, b"hello").unwrap();
    let expected = [reply(101, &[], Body::Unknown, false), data(1, b"hello", false), Said::Release(1)];
    assert_eq!(scene.heard(id), expected);
    assert_eq!((scene.connector.status().in_flight, scene.connector.status().tunnels), (0, 1));
    scene.connector.finish_reply(place, None).unwrap();
    assert_eq!(scene.heard(id), [data(1, b"", true)]);
    assert_eq!(scene.connector.status().tunnels, 0);
    scene.connector.forget(place);
    assert_eq!((scene.heard(id), scene.connector.status().tunnels), (vec![], 0));
}

#[test]
fn there_are_no_more_tunnels_than_the_backend_has() {
    let (mut scene, id, place) = offered(1);
    assert!(scene.connector.claim_tunnel(place));
    scene.connector.start_reply(place, &head(101, &[])).unwrap();
    scene.connector.write(place, b"").unwrap();
    let second = scene.offer(id, 2);
    assert!(!scene.connector.claim_tunnel(second));
    scene.connector.send_reply(second, &head(503, &[]), b"").unwrap();
    scene.connector.forget(place);
    let third = scene.offer(id, 3);
    assert!(scene.connector.claim_tunnel(third), "the first has given it back");
}

#[test]
fn a_claim_ends_with_whatever_reply_comes_of_it() {
    let (mut scene, id, place) = offered(1);
    assert!(scene.connector.claim_tunnel(place));
    scene.heard(id);
    scene.connector.send_reply(place, &head(403, &[]), b"").unwrap();
    assert_eq!(scene.heard(id), [reply(403, &[], Body::Length(0), true)], "the closing frame frees the slot");
    assert_eq!((scene.connector.status().in_flight, scene.connector.status().tunnels), (0, 0));
    let (mut scene, id, place) = offered(1);
    assert!(scene.connector.claim_tunnel(place));
    scene.connector.lost(id, "gone", scene.now);
    scene.connector.forget(place);
    assert_eq!((scene.connector.status().in_flight, scene.connector.status().tunnels), (0, 0));
}

#[test]
fn only_who_was_offered_an_upgrade_can_claim_a_tunnel() {
    let mut scene = Scene::new(Options { slots: 1, tunnels: 9, ..Options::default() });
    let id = scene.join(&welcome(1, 0, 1));
    let place = scene.given(id, 1, "GET");
    assert!(!scene.connector.claim_tunnel(place));
    let (mut scene, _, place) = offered(1);
    scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    assert!(!scene.connector.claim_tunnel(place), "the reply has ended");
}
