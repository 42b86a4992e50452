use swiftiply_wire::Refusal;
use swiftiply_wire::RefusalCode;

use super::*;
use crate::limits::{DIALS_PER_PROXY_MAX, REDIAL_FIRST, REDIAL_MAX, REMIND_UNREACHABLE};

fn two_proxies() -> Options {
    let connect = ["a:1", "b:2"].map(|address| address.parse().unwrap()).to_vec();
    Options { connect, ..Options::default() }
}

#[test]
fn every_proxy_is_dialled_and_each_dial_is_given_out_once() {
    let mut scene = Scene::new(two_proxies());
    let addresses = [scene.dial(), scene.dial()].map(|dial| dial.address.to_string());
    assert_eq!(addresses, ["a:1", "b:2"]);
    assert_eq!(scene.connector.next_dial(scene.now), None);
}

#[test]
fn a_proxy_that_is_away_is_dialled_again_and_again_ever_slower() {
    let mut scene = Scene::new(Options::default());
    let mut waits = Vec::new();
    for _ in 0..12 {
        let dial = scene.dial();
        scene.connector.dial_failed(&dial, "connection refused", scene.now);
        assert_eq!(scene.connector.next_dial(scene.now), None, "not at once");
        let wait = scene.connector.deadline(scene.now).unwrap() - scene.now;
        waits.push(wait);
        scene.pass(wait);
    }
    assert!(waits[0] <= REDIAL_FIRST, "{waits:?}");
    assert!(waits[11] >= REDIAL_MAX / 2 && waits[11] <= REDIAL_MAX, "{waits:?}");
}

#[test]
fn the_log_hears_of_it_at_once_and_then_once_a_minute() {
    let mut scene = Scene::new(Options::default());
    let fail = |scene: &mut Scene, why| {
        let dial = scene.dial();
        scene.connector.dial_failed(&dial, why, scene.now);
        scene.pass(REDIAL_MAX);
        scene.notices().iter().map(|notice| notice.kind).collect::<Vec<_>>()
    };
    assert_eq!(fail(&mut scene, "connection refused"), [NoticeKind::Unreachable]);
    assert_eq!(fail(&mut scene, "connection refused"), []);
    assert_eq!(fail(&mut scene, "no such host"), [NoticeKind::Unreachable], "that is news");
    scene.pass(REMIND_UNREACHABLE);
    assert_eq!(fail(&mut scene, "no such host"), [NoticeKind::Unreachable]);
}

#[test]
fn the_welcome_says_how_many_links_to_bring() {
    let mut scene = Scene::new(Options::default());
    scene.join(&welcome(1, 1, 3));
    assert_eq!(scene.notices(), [], "not in service before all are there");
    assert_eq!(scene.connector.status().connected, 0);
    let dials = [scene.dial(), scene.dial()];
    assert_eq!(scene.connector.next_dial(scene.now), None);
    for (dial, shard) in dials.iter().zip([0, 2]) {
        let id = scene.connector.dialled(dial, [3; 32], scene.now).unwrap();
        scene.say(id, &ToBackend::Welcome(welcome(1, shard, 3)));
    }
    assert_eq!(scene.notice().text, "serving the proxy at 127.0.0.1:30000 over 3 links");
    assert_eq!((scene.connector.status().links, scene.connector.status().connected), (3, 1));
}

#[test]
fn many_links_are_dialled_a_few_at_a_time() {
    let mut scene = Scene::new(Options::default());
    scene.join(&welcome(1, 0, 100));
    let dials: Vec<Dial> = std::iter::from_fn(|| scene.connector.next_dial(scene.now)).collect();
    assert_eq!(dials.len(), DIALS_PER_PROXY_MAX);
    scene.connector.dialled(&dials[0], [3; 32], scene.now).unwrap();
    scene.dial();
    assert_eq!(scene.connector.next_dial(scene.now), None);
}

#[test]
fn a_link_that_gets_another_shard_than_its_own_is_given_up() {
    let mut scene = Scene::new(Options::default());
    scene.join(&welcome(1, 0, 2));
    let second = scene.join(&welcome(1, 0, 2));
    assert!(matches!(scene.heard(second)[..], [Said::Goodbye(_)]));
    assert_eq!(scene.connector.next_dial(scene.now), None, "and not dialled again at once");
}

#[test]
fn one_lost_link_of_several_is_dialled_for_its_own_shard() {
    let mut scene = Scene::new(Options::default());
    let first = scene.join(&welcome(1, 0, 2));
    scene.join(&welcome(1, 1, 2));
    scene.notices();
    scene.connector.lost(first, "connection reset", scene.now);
    assert_eq!(scene.notice().kind, NoticeKind::Lost);
    assert_eq!(scene.connector.status().connected, 0);
    scene.pass(REDIAL_FIRST);
    scene.join(&welcome(1, 0, 2));
    assert_eq!(scene.notice().kind, NoticeKind::Connected);
}

#[test]
fn a_proxy_that_comes_back_may_want_other_links() {
    let mut scene = Scene::new(Options::default());
    let links = [scene.join(&welcome(1, 0, 2)), scene.join(&welcome(1, 1, 2))];
    for id in links {
        scene.connector.lost(id, "connection reset", scene.now);
    }
    scene.notices();
    scene.pass(REDIAL_FIRST);
    scene.join(&welcome(2, 0, 1));
    assert_eq!(scene.notice().text, "serving the proxy at 127.0.0.1:30000 over 1 link");
    assert_eq!(scene.connector.next_dial(scene.now), None);
}

#[test]
fn a_dial_that_outlives_the_last_link_is_a_first_one_again() {
    let mut scene = Scene::new(Options::default());
    let first = scene.join(&welcome(1, 0, 3));
    let late = [scene.dial(), scene.dial()];
    scene.connector.lost(first, "connection reset", scene.now);
    assert_eq!(scene.connector.dialled(&late[1], [3; 32], scene.now), None, "one is enough");
    let id = scene.connector.dialled(&late[0], [3; 32], scene.now).unwrap();
    scene.output(id);
    // Asked for by a shard's number it would be refused by a proxy that has become smaller.
    scene.say(id, &ToBackend::Welcome(welcome(2, 0, 1)));
    assert_eq!(scene.connector.status().connected, 1);
}

#[test]
fn connections_on_their_way_to_a_new_process_keep_their_places() {
    let mut scene = Scene::new(Options::default());
    let links = [scene.join(&welcome(1, 0, 3)), scene.join(&welcome(1, 1, 3)), scene.join(&welcome(1, 2, 3))];
    scene.connector.lost(links[0], "connection reset", scene.now);
    scene.connector.lost(links[1], "connection reset", scene.now);
    scene.pass(REDIAL_FIRST);
    let (again, also) = (scene.greet(), scene.greet());
    scene.say(again, &ToBackend::Welcome(welcome(2, 0, 3)));
    scene.say(also, &ToBackend::Welcome(welcome(2, 1, 3)));
    scene.join(&welcome(2, 2, 3));
    assert_eq!(scene.connector.status().connected, 1);
    assert_eq!(scene.connector.next_dial(scene.now), None);
}

#[test]
fn a_link_that_a_newer_one_replaced_by_mistake_is_dialled_again() {
    let (mut scene, id) = Scene::serving(1);
    scene.say(id, &goodbye(GoodbyeCode::Replaced, "dial again"));
    scene.pass(REDIAL_FIRST);
    scene.join(&welcome(1, 0, 1));
    assert_eq!(scene.connector.status().connected, 1);
}

#[test]
fn the_links_of_a_proxy_that_was_replaced_go_on_until_it_closes_them() {
    let mut scene = Scene::new(Options { slots: 2, ..Options::default() });
    let old = scene.join(&welcome(1, 0, 2));
    let lost = scene.join(&welcome(1, 1, 2));
    let place = scene.given(old, 1, "GET");
    scene.connector.lost(lost, "connection reset", scene.now);
    scene.pass(REDIAL_FIRST);
    scene.join(&welcome(2, 1, 2));
    scene.join(&welcome(2, 0, 2));
    assert_eq!(scene.connector.status().connected, 1);
    assert_eq!(scene.connector.send_reply(place, &head(200, &[]), b"late"), Ok(4));
    assert!(!scene.heard(old).is_empty());
    scene.notices();
    scene.connector.lost(old, "it closed the connection", scene.now);
    assert_eq!(scene.notices(), [], "it had no place any more");
    assert_eq!(scene.connector.next_dial(scene.now), None);
}

#[test]
fn proxies_are_served_side_by_side() {
    let mut scene = Scene::new(Options { slots: 2, ..two_proxies() });
    let a = scene.join(&welcome(1, 0, 1));
    let b = scene.join(&welcome(2, 0, 1));
    let of_a = scene.given(a, 1, "GET");
    let of_b = scene.given(b, 1, "GET");
    scene.connector.lost(a, "connection reset", scene.now);
    assert!(scene.connector.is_disconnected(of_a) && !scene.connector.is_disconnected(of_b));
    assert_eq!(scene.connector.status().connected, 1);
    assert_eq!(scene.connector.send_reply(of_b, &head(200, &[]), b"fine"), Ok(4));
    assert!(!scene.heard(b).is_empty());
}

#[test]
fn a_proxy_that_goes_down_is_dialled_again_while_its_link_ends() {
    let (mut scene, id) = Scene::serving(1);
    scene.notices();
    let place = scene.given(id, 1, "GET");
    scene.say(id, &ToBackend::Drain);
    assert_eq!(scene.notice().kind, NoticeKind::ProxyClosing);
    let successor = scene.greet();
    scene.say(
        successor,
        &ToBackend::Refusal(Refusal { code: RefusalCode::Closing, reason: "going down".into() }),
    );
    assert!(scene.is_closed(successor));
    assert_eq!(scene.heard(id), [], "what has begun is finished");
    assert_eq!(scene.connector.send_reply(place, &head(200, &[]), b"last"), Ok(4));
    scene.connector.forget(place);
    assert_eq!(scene.heard(id).len(), 2);
    scene.pass(PING / 2);
    let later = scene.given(id, 1, "GET");
    scene.connector.send_reply(later, &head(200, &[]), b"").unwrap();
    assert_eq!(scene.heard(id).len(), 1, "what the proxy's last clients ask for is served");
    scene.pass(PING);
    assert!(matches!(scene.heard(id)[..], [Said::Ping(_)]), "when it ends is the proxy's to say");
    scene.say(id, &goodbye(GoodbyeCode::Done, "the proxy stops"));
    assert!(scene.is_closed(id));
}

#[test]
fn the_process_that_takes_a_proxys_place_is_asked_anew_how_many_links_it_wants() {
    let mut scene = Scene::new(Options::default());
    let old = [scene.join(&welcome(1, 0, 3)), scene.join(&welcome(1, 1, 3)), scene.join(&welcome(1, 2, 3))];
    scene.say(old[1], &ToBackend::Drain);
    scene.join(&welcome(2, 0, 1));
    assert_eq!(scene.connector.status().connected, 1);
    scene.say(old[0], &ToBackend::Drain);
    scene.say(old[2], &ToBackend::Drain);
    assert_eq!(scene.connector.status().connected, 1, "those concern the old process");
    assert_eq!(scene.connector.next_dial(scene.now), None);
    let on_its_way = scene.given(old[2], 1, "GET");
    assert_eq!(scene.connector.send_reply(on_its_way, &head(200, &[]), b"last"), Ok(4));
    for id in old {
        scene.say(id, &goodbye(GoodbyeCode::Done, "the proxy stops"));
    }
    assert_eq!(scene.connector.next_dial(scene.now), None);
    assert_eq!(scene.connector.status().connected, 1);
}

#[test]
fn a_connection_in_its_handshake_when_the_proxy_is_replaced_keeps_its_place() {
    let mut scene = Scene::new(Options::default());
    let old = scene.join(&welcome(1, 0, 2));
    let greeting = scene.greet();
    scene.say(old, &ToBackend::Drain);
    assert_eq!(scene.connector.next_dial(scene.now), None, "it may lead to the new process already");
    scene.say(greeting, &ToBackend::Welcome(welcome(2, 1, 2)));
    scene.join(&welcome(2, 0, 2));
    assert_eq!(scene.connector.status().connected, 1);
}

#[test]
fn slots_that_changed_during_the_handshake_are_told_after_it() {
    let mut scene = Scene::new(Options::default());
    let id = scene.greet();
    scene.connector.set_slots(4);
    scene.say(id, &ToBackend::Welcome(welcome(1, 0, 1)));
    assert_eq!(scene.heard(id), [Said::Slots(4)]);
    scene.connector.set_slots(6);
    scene.connector.set_slots(6);
    assert_eq!(scene.heard(id), [Said::Slots(6)]);
    scene.connector.set_slots(0);
    assert_eq!(scene.heard(id), [Said::Slots(0)], "a pause");
}

#[test]
fn slots_are_told_on_one_link_and_again_when_that_is_lost() {
    let mut scene = Scene::new(Options::default());
    let first = scene.join(&welcome(1, 1, 2));
    let second = scene.join(&welcome(1, 0, 2));
    scene.connector.set_slots(4);
    assert_eq!((scene.heard(first), scene.heard(second)), (vec![Said::Slots(4)], vec![]));
    scene.connector.lost(first, "connection reset", scene.now);
    assert_eq!(scene.heard(second), [Said::Slots(4)]);
    scene.pass(REDIAL_FIRST);
    let third = scene.join(&welcome(1, 1, 2));
    scene.connector.set_slots(5);
    assert_eq!((scene.heard(second), scene.heard(third)), (vec![Said::Slots(5)], vec![]));
}

#[test]
fn two_addresses_of_one_proxy_do_not_push_each_other_out() {
    let mut scene = Scene::new(two_proxies());
    let a = scene.join(&welcome(1, 0, 1));
    let b = scene.join(&welcome(1, 0, 1));
    scene.say(a, &goodbye(GoodbyeCode::Replaced, "a newer link"));
    scene.pass(REDIAL_MAX);
    assert_eq!(scene.connector.next_dial(scene.now), None, "the other serves it");
    assert!(!scene.is_closed(b));
    scene.connector.lost(b, "connection reset", scene.now);
    assert_eq!(scene.dial().address.to_string(), "a:1");
}
