use super::*;
use crate::limits::{HANDSHAKE_TIMEOUT, PING_INTERVAL_MAX, PING_INTERVAL_MIN};

#[test]
fn a_ping_is_answered() {
    let (mut scene, id) = Scene::serving(1);
    scene.say(id, &ToBackend::Ping(42));
    assert_eq!(scene.heard(id), [Said::Pong(42)]);
}

#[test]
fn a_silent_proxy_is_pinged_and_then_given_up() {
    let (mut scene, id) = Scene::serving(1);
    scene.notices();
    scene.pass(PING - Duration::from_millis(1));
    assert_eq!(scene.heard(id), []);
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.heard(id), [Said::Ping(1)]);
    scene.pass(PING);
    assert!(matches!(scene.heard(id)[..], [Said::Goodbye(_)]));
    assert_eq!(scene.notice().kind, NoticeKind::Lost);
    assert_eq!(scene.connector.status().links, 0);
}

#[test]
fn a_proxy_that_says_anything_is_alive() {
    let (mut scene, id) = Scene::serving(1);
    for number in 1..20 {
        scene.pass(PING);
        assert_eq!(scene.heard(id), [Said::Ping(number)]);
        scene.say(id, &ToBackend::Pong(number));
    }
    assert_eq!(scene.connector.status().links, 1);
}

#[test]
fn a_process_that_was_stopped_does_not_blame_its_proxy() {
    let (mut scene, id) = Scene::serving(1);
    scene.pass(PING * 100);
    assert_eq!(scene.heard(id), [Said::Ping(1)], "it asks first");
    scene.say(id, &ToBackend::Pong(1));
    scene.pass(PING - Duration::from_millis(1));
    assert_eq!(scene.connector.status().links, 1);
}

#[test]
fn a_proxy_that_never_welcomes_is_given_up() {
    let mut scene = Scene::new(Options::default());
    let id = scene.greet();
    scene.pass(HANDSHAKE_TIMEOUT);
    assert!(scene.is_closed(id));
    let text = scene.notice().text;
    assert!(text.contains("check that this is the site's address"), "{text}");
}

#[test]
fn the_ping_interval_of_a_proxy_has_bounds() {
    for (asked_ms, pinged_after) in [(1, PING_INTERVAL_MIN), (u32::MAX, PING_INTERVAL_MAX)] {
        let mut scene = Scene::new(Options::default());
        let id = scene.join(&Welcome { ping_interval_ms: asked_ms, ..welcome(1, 0, 1) });
        assert_eq!(scene.connector.deadline(scene.now), Some(scene.now + pinged_after));
        scene.pass(pinged_after);
        assert_eq!(scene.heard(id), [Said::Ping(1)]);
    }
}
