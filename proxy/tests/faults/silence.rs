//! A backend that stands still, or cannot be reached: noticed in time whatever was on its way to it.

use std::time::{Duration, Instant};

use swiftiply_wire::LinkIndex;

use crate::support::{Dial, quick};

const INTERVAL: Duration = Duration::from_millis(400);

/// For a machine that is busy.
const NOISE: Duration = Duration::from_millis(1000);

#[test]
fn a_backend_that_reads_nothing_any_more_is_noticed_although_its_link_is_full() {
    let proxy = quick(|config| config.ping_interval = INTERVAL);
    // It announced a window without end, so that body goes out as long as there is anywhere to put it.
    let dial = Dial { slots: 2, window: u32::MAX, ..proxy.dial() };
    let mut link = dial.link(LinkIndex::First).expect("it is let in");
    proxy.until("it is in service", |counts| counts.in_service == 1);
    let (mut upload, mut page) = (proxy.client(), proxy.client());
    upload.stream.set_write_timeout(Some(Duration::from_millis(50))).expect("an option of a socket");
    use std::io::Write;
    upload.send("POST /upload HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000000000\r\n\r\n");
    let piece = vec![b'x'; 256 * 1024];
    while upload.stream.write_all(&piece).is_ok() {}
    page.get("/page");
    proxy.until("both are on their way to it", |counts| counts.in_flight == 2);
    let from = Instant::now();
    proxy.until("it is given up, and the page waits for another", |counts| {
        counts.backends == 0 && counts.waiting == 1
    });
    assert!(from.elapsed() < 2 * INTERVAL + NOISE, "{:?}", from.elapsed());
    let mut other = proxy.backend();
    let request = other.request();
    assert_eq!(request.path(), "/page");
    request.reply(200, "saved");
    assert_eq!(page.reply().text(), "saved");
    // Nothing of it is kept, and whether it began nobody knows.
    assert_eq!(upload.reply_as_far_as_it_comes().status, 502);
    drop(link.socket.try_clone());
    link.early.clear();
}

#[test]
fn a_link_that_is_given_up_is_reset_so_that_nothing_arrives_late() {
    let proxy = quick(|config| config.ping_interval = INTERVAL);
    let mut frozen = proxy.backend();
    frozen.freeze();
    proxy.until("it is given up", |counts| counts.backends == 0);
    // Its system has the GOODBYE already; the end is a reset all the same.
    assert_eq!(frozen.goodbye().0, swiftiply_wire::GoodbyeCode::Silence);
    frozen.closed();
}
