use super::*;
use crate::limits::LINGER;
use crate::{ReadError, ReplyError};

#[test]
fn a_drain_finishes_what_has_begun_and_takes_nothing_new() {
    let (mut scene, id) = Scene::serving(2);
    let place = scene.given(id, 1, "GET");
    scene.request(id, 2, "GET");
    scene.connector.drain();
    assert_eq!(scene.heard(id), [Said::Drain]);
    scene.request(id, 3, "GET");
    assert_eq!(scene.heard(id), [Said::Refuse(3)], "it crossed with the drain");
    let accepted = scene.take().place;
    for place in [place, accepted] {
        scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    }
    assert_eq!(scene.heard(id).last(), Some(&Said::Goodbye(String::new())));
    assert!(!scene.connector.has_ended(), "not before the link is closed");
    scene.notices();
    scene.connector.lost(id, "it closed the connection", scene.now);
    assert!(scene.is_closed(id));
    assert!(scene.connector.has_ended());
    assert_eq!(scene.notice().kind, NoticeKind::Drained);
    assert_eq!(scene.connector.next_dial(scene.now), None);
}

#[test]
fn a_drain_does_not_wait_for_a_proxy_that_goes_down_at_the_same_time() {
    let (mut scene, id) = Scene::serving(1);
    scene.say(id, &ToBackend::Drain);
    scene.connector.drain();
    assert_eq!(scene.heard(id), [Said::Drain, Said::Goodbye(String::new())]);
}

#[test]
fn a_drain_waits_for_slots_that_are_held() {
    let (mut scene, id) = Scene::serving(1);
    let place = scene.given(id, 1, "GET");
    scene.connector.hold_slot(place);
    scene.connector.drain();
    scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    assert!(!scene.heard(id).contains(&Said::Goodbye(String::new())));
    scene.connector.release_slot(place);
    assert_eq!(scene.heard(id), [Said::Release(1), Said::Goodbye(String::new())]);
}

#[test]
fn a_drain_does_not_wait_for_a_proxy_that_never_closes() {
    let (mut scene, id) = Scene::serving(1);
    scene.connector.drain();
    assert_eq!(scene.heard(id), [Said::Drain, Said::Goodbye(String::new())]);
    scene.pass(Duration::ZERO);
    scene.pass(LINGER);
    assert!(scene.is_closed(id) && scene.connector.has_ended());
}

#[test]
fn a_drain_without_links_is_over_at_once() {
    let mut scene = Scene::new(Options::default());
    let dial = scene.dial();
    scene.connector.drain();
    assert!(scene.connector.has_ended());
    assert_eq!(scene.connector.dialled(&dial, [3; 32], scene.now), None, "the dial is not wanted any more");
    let mut scene = Scene::new(Options::default());
    let id = scene.greet();
    scene.connector.drain();
    assert_eq!(scene.heard(id), [Said::Goodbye(String::new())], "its welcome may be on its way");
    scene.connector.lost(id, "it closed the connection", scene.now);
    assert!(scene.is_closed(id) && scene.connector.has_ended());
}

#[test]
fn a_stop_gives_back_what_nobody_has_seen_and_resets_the_rest() {
    let (mut scene, id) = Scene::serving(3);
    let running = scene.given(id, 1, "GET");
    let done = scene.given(id, 2, "GET");
    scene.connector.send_reply(done, &head(200, &[]), b"").unwrap();
    scene.request(id, 3, "POST");
    scene.heard(id);
    scene.happened();
    scene.connector.stop();
    let heard = scene.heard(id);
    assert_eq!(heard[..2], [reset(1, "the backend was stopped"), Said::Refuse(3)]);
    assert!(matches!(heard[2..], [Said::Goodbye(_)]));
    scene.connector.close(id);
    assert!(scene.is_closed(id) && scene.connector.has_ended());
    assert_eq!(scene.happened(), [Happened::Disconnected]);
    assert!(scene.connector.take().is_none());
    assert_eq!(scene.connector.send_reply(running, &head(200, &[]), b""), Err(ReplyError::AlreadyEnded));
    scene.connector.forget(running);
    scene.connector.forget(done);
    assert_eq!(scene.connector.status().in_flight, 0);
}

#[test]
fn a_lost_link_fails_what_runs_on_it_and_nothing_else() {
    let (mut scene, id) = Scene::serving(3);
    scene.upload(id, 1, Body::Length(9), RequestFlags::default());
    let reading = scene.take().place;
    let writing = scene.given(id, 2, "GET");
    scene.connector.start_reply(writing, &head(200, &[])).unwrap();
    scene.request(id, 3, "GET");
    scene.happened();
    scene.connector.lost(id, "connection reset", scene.now);
    assert!(scene.connector.take().is_none(), "another backend gets what nobody has seen here");
    assert_eq!(scene.happened(), [Happened::Readable, Happened::Disconnected, Happened::Disconnected]);
    assert_eq!(scene.read(reading), Read::Failed(ReadError::LinkLost));
    assert_eq!(scene.connector.write(writing, b"x"), Err(ReplyError::LinkLost));
    assert_eq!(scene.connector.status().in_flight, 2, "the app runs them still");
    assert_eq!(scene.connector.finish_reply(writing, None), Err(ReplyError::LinkLost));
    assert_eq!(scene.connector.status().in_flight, 1);
    scene.connector.forget(reading);
    scene.connector.forget(writing);
    assert_eq!(scene.connector.status().in_flight, 0);
}

#[test]
fn a_slot_that_is_held_when_its_link_breaks_is_free_when_the_app_is_done() {
    let (mut scene, id) = Scene::serving(1);
    let place = scene.given(id, 1, "GET");
    scene.connector.hold_slot(place);
    scene.connector.send_reply(place, &head(200, &[]), b"").unwrap();
    scene.connector.lost(id, "connection reset", scene.now);
    assert_eq!(scene.connector.status().in_flight, 1);
    scene.connector.release_slot(place);
    assert_eq!(scene.connector.status().in_flight, 0);
    scene.connector.forget(place);
}

#[test]
fn a_proxy_that_says_goodbye_is_dialled_again() {
    let (mut scene, id) = Scene::serving(1);
    scene.notices();
    scene.say(id, &goodbye(GoodbyeCode::Done, "restarting for an upgrade"));
    let notice = scene.notice();
    assert_eq!(notice.kind, NoticeKind::Lost);
    assert!(notice.text.contains("restarting for an upgrade"), "{}", notice.text);
    assert!(scene.is_closed(id));
    assert!(scene.connector.deadline(scene.now).is_some());
}

#[test]
fn a_breach_is_told_to_both_sides_and_the_link_is_closed_after_it() {
    let (mut scene, id) = Scene::serving(1);
    scene.notices();
    scene.connector.receive(id, &[0, 0, 0, 0x7F, 0, 0, 0, 0], scene.now);
    assert!(matches!(&scene.heard(id)[..], [Said::Goodbye(why)] if why.contains("0x7f")));
    assert!(scene.connector.is_closing(id));
    assert!(scene.notices()[0].text.contains("0x7f"));
    scene.request(id, 1, "GET");
    assert_eq!(scene.connector.ready(), 0, "nothing is read after it");
    scene.connector.lost(id, "it closed the connection", scene.now);
    assert!(scene.is_closed(id));
    assert_eq!(scene.notices(), [], "that was told already");
}
