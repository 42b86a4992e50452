//! Promises of the driver for threads, against a proxy by hand.

mod fake;

use fake::{FakeProxy, PATIENCE, Said};
use swiftiply_connector::{ReplyHead, Request, Take, ThreadConnector, Wait};

fn wait() -> Wait {
    Wait::at_most(PATIENCE)
}

fn take(connector: &ThreadConnector) -> Request {
    match connector.take(&wait()) {
        Take::Request(request) => request,
        other => panic!("no request: {other:?}"),
    }
}

#[test]
fn a_request_is_taken_and_answered() {
    let proxy = FakeProxy::start();
    let connector = ThreadConnector::start(proxy.options(1)).unwrap();
    let mut link = proxy.welcome();
    link.request(1, "GET", "/hello");
    let request = take(&connector);
    assert_eq!(request.head().path(), b"/hello");
    let head = ReplyHead::new(200).unwrap();
    assert_eq!(request.reply().send(&head, b"Hello, world!"), Ok(13));
    assert_eq!(link.hear_reply(1), (200, b"Hello, world!".to_vec()));
    connector.drain();
    assert_eq!(link.hear(), Said::Drain);
    assert_eq!(link.hear(), Said::Goodbye(String::new()));
    link.close();
    assert!(matches!(connector.take(&wait()), Take::Ended));
}
