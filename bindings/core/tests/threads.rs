//! Promises of the driver for threads, against a proxy by hand.
//!
//! One file, because every test is one promise of the same driver over the same hand-made proxy.

mod fake;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fake::{FakeLink, FakeProxy, PATIENCE, Said, join, wait};
use swiftiply_connector::{
    Interrupt, Key, NoticeKind, Options, RawReply, Read, ReadError, ReplyError, ReplyHead, Request, Take,
    ThreadConnector, Wait,
};
use swiftiply_wire::limits::WINDOW_DEFAULT;
use swiftiply_wire::{Body, RequestFlags, ToBackend};

fn start(slots: u16) -> (FakeProxy, ThreadConnector, FakeLink) {
    let proxy = FakeProxy::start();
    let connector = ThreadConnector::start(proxy.options(slots)).unwrap();
    let link = proxy.welcome();
    (proxy, connector, link)
}

fn take(connector: &ThreadConnector) -> Request {
    match connector.take(&wait()) {
        Take::Request(request) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn answer(request: &Request, body: &[u8]) {
    assert_eq!(request.reply().send(&ReplyHead::new(200).unwrap(), body), Ok(body.len()));
}

/// Waits for a notice of this kind; others before it are passed over.
fn notice(connector: &ThreadConnector, kind: NoticeKind) -> String {
    loop {
        let notice = connector.next_notice(&wait()).expect("a notice of this kind");
        if notice.kind == kind {
            return notice.text;
        }
    }
}

/// Turns until it is so.
fn until(what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() {
        assert!(begin.elapsed() < PATIENCE, "it never became so");
        std::thread::yield_now();
    }
}

#[test]
fn a_request_is_taken_and_answered() {
    let (_proxy, connector, mut link) = start(1);
    link.request(1, "GET", "/hello");
    let request = take(&connector);
    assert_eq!(request.head().path(), b"/hello");
    answer(&request, b"Hello, world!");
    assert_eq!(link.hear_reply(1), (200, b"Hello, world!".to_vec()));
    connector.drain();
    assert_eq!(link.hear(), Said::Drain);
    assert_eq!(link.hear(), Said::Goodbye(String::new()));
    link.close();
    assert!(matches!(connector.take(&wait()), Take::Ended));
}

#[test]
fn a_proxy_is_reached_by_a_unix_socket_too() {
    let path = std::env::temp_dir().join(format!("swiftiply-core-{}.sock", std::process::id()));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let address = format!("unix:{}", path.display()).parse().unwrap();
    let connector = ThreadConnector::start(Options { connect: vec![address], ..Options::default() }).unwrap();
    let (mut link, hello) = FakeLink::over(listener.accept().unwrap().0.into());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(hello.pid, std::process::id());
    link.send(&ToBackend::Welcome(fake::usual_welcome()));
    link.request(1, "GET", "/");
    answer(&take(&connector), b"x");
    assert_eq!(link.hear_reply(1).0, 200);
}

#[test]
fn both_sides_prove_the_key() {
    let proxy = FakeProxy::start();
    let key = Some(Key::new("secret").unwrap());
    let connector = ThreadConnector::start(Options { key, ..proxy.options(1) }).unwrap();
    let (mut link, _) = proxy.accept();
    link.authenticate(b"secret", b"secret", fake::usual_welcome());
    notice(&connector, NoticeKind::Connected);
}

#[test]
fn who_does_not_wait_gets_what_is_there() {
    let (_proxy, connector, mut link) = start(1);
    notice(&connector, NoticeKind::Connected);
    assert!(matches!(connector.try_take(), Take::Nothing));
    link.request(1, "GET", "/");
    let mut request = None;
    until_some(&mut request, || match connector.try_take() {
        Take::Request(request) => Some(request),
        _ => None,
    });
    answer(&request.unwrap(), b"x");
    assert_eq!(link.hear_reply(1).0, 200);
}

fn until_some<T>(into: &mut Option<T>, mut look: impl FnMut() -> Option<T>) {
    let begin = Instant::now();
    while into.is_none() {
        assert!(begin.elapsed() < PATIENCE, "it never came");
        *into = look();
    }
}

#[test]
fn waits_end_when_their_time_is_over() {
    let (_proxy, connector, mut link) = start(1);
    let short = Wait::at_most(Duration::from_millis(20));
    let begin = Instant::now();
    assert!(matches!(connector.take(&short), Take::Nothing));
    link.upload(1, "/", Body::Length(5));
    let request = take(&connector);
    assert_eq!(request.read(9, &short), Read::Nothing);
    let reply = request.reply();
    reply.start(&ReplyHead::new(200).unwrap()).unwrap();
    let window = WINDOW_DEFAULT as usize;
    let written = reply.write(&vec![b'x'; window + 1], &short);
    assert_eq!(written, Err(ReplyError::TimedOut { written: window }));
    assert!(begin.elapsed() >= Duration::from_millis(60));
    notice(&connector, NoticeKind::Connected);
    assert_eq!(connector.next_notice(&short), None);
}

#[test]
fn an_interrupt_ends_exactly_its_own_wait() {
    let (_proxy, connector, mut link) = start(4);
    notice(&connector, NoticeKind::Connected);
    let interrupts: Vec<Interrupt> = (0..4).map(|_| Interrupt::new()).collect();
    let (ended, endings) = mpsc::channel();
    let waits: Vec<_> = interrupts
        .iter()
        .cloned()
        .enumerate()
        .map(|(number, interrupt)| {
            let (connector, ended) = (connector.clone(), ended.clone());
            std::thread::spawn(move || {
                let taken = connector.take(&Wait { interrupt: Some(interrupt), ..wait() });
                ended.send((number, matches!(taken, Take::Interrupted))).unwrap();
            })
        })
        .collect();
    // Whoever leads, each in turn is or becomes that.
    for (number, interrupt) in interrupts.iter().enumerate().take(3) {
        interrupt.raise();
        assert_eq!(endings.recv_timeout(PATIENCE), Ok((number, true)));
    }
    link.request(1, "GET", "/");
    assert_eq!(endings.recv_timeout(PATIENCE), Ok((3, false)), "the last one serves");
    waits.into_iter().for_each(join);
    let raised = Interrupt::new();
    raised.raise();
    let begins_raised = Wait { interrupt: Some(raised.clone()), ..wait() };
    assert!(matches!(connector.take(&begins_raised), Take::Interrupted));
    raised.clear();
    assert!(!raised.is_raised());
}

#[test]
fn a_body_is_read_as_it_comes() {
    let (_proxy, connector, mut link) = start(1);
    link.upload(1, "/", Body::Length(10));
    let request = take(&connector);
    let (begun, begins) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        begun.send(()).unwrap();
        let mut body = Vec::new();
        while let Read::Data(piece) = request.read(4, &wait()) {
            assert!(piece.len() <= 4);
            body.extend(piece);
        }
        answer(&request, &body);
    });
    begins.recv_timeout(PATIENCE).unwrap();
    assert_eq!(link.hear(), Said::Started(1));
    link.data(1, b"hello", false);
    link.data(1, b"world", true);
    assert_eq!(link.hear_reply(1), (200, b"helloworld".to_vec()));
    join(reader);
}

#[test]
fn what_must_not_run_twice_is_told_before_the_app_has_it() {
    let (_proxy, connector, mut link) = start(1);
    link.request(1, "POST", "/");
    let request = take(&connector);
    assert_eq!(link.hear(), Said::Started(1));
    answer(&request, b"x");
}

#[test]
fn a_reply_goes_no_faster_than_its_client() {
    let (_proxy, connector, mut link) = start(1);
    link.request(1, "GET", "/");
    let request = take(&connector);
    let total = 4 * WINDOW_DEFAULT as usize;
    let writer = std::thread::spawn(move || {
        let reply = request.reply();
        reply.start(&ReplyHead::new(200).unwrap()).unwrap();
        reply.write(&vec![b'x'; total], &wait()).unwrap();
        reply.finish(None).unwrap();
    });
    assert!(matches!(link.hear(), Said::Reply { .. }));
    let mut left = WINDOW_DEFAULT as usize;
    let mut heard = 0;
    loop {
        let Said::Data { data, end, .. } = link.hear() else { panic!("no data") };
        heard += data.len();
        left = left.checked_sub(data.len()).expect("no more than the window");
        if end {
            break;
        }
        if left == 0 && heard < total {
            left = 100_000;
            link.grant(1, 100_000);
        }
    }
    assert_eq!(heard, total);
    join(writer);
}

#[test]
fn a_parked_thread_takes_over_while_another_runs_the_app() {
    let (_proxy, connector, mut link) = start(2);
    let (taken, takes) = mpsc::channel();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (connector, taken) = (connector.clone(), taken.clone());
            std::thread::spawn(move || {
                while let Take::Request(request) = connector.take(&wait()) {
                    // It runs the app until the test lets it go.
                    let (answered, answer) = mpsc::channel();
                    taken.send((request, answered)).unwrap();
                    answer.recv_timeout(PATIENCE).unwrap();
                }
            })
        })
        .collect();
    for round in 0..50 {
        let running: Vec<_> = (1..=2)
            .map(|stream| {
                link.request(stream, "GET", "/");
                takes.recv_timeout(PATIENCE).unwrap()
            })
            .collect();
        for (stream, (request, answered)) in (1..=2).zip(running) {
            answer(&request, format!("{round}").as_bytes());
            assert_eq!(link.hear_reply(stream).1, format!("{round}").as_bytes());
            answered.send(()).unwrap();
        }
    }
    connector.stop();
    threads.into_iter().for_each(join);
}

#[test]
fn pings_and_cancels_are_seen_while_every_thread_runs_the_app() {
    let (_proxy, connector, mut link) = start(1);
    link.request(1, "GET", "/");
    let request = take(&connector);
    link.send(&ToBackend::Ping(7));
    assert_eq!(link.hear(), Said::Pong(7));
    assert!(!request.is_disconnected());
    link.cancel(1);
    until(|| request.is_disconnected());
    drop(request);
    assert!(matches!(link.hear(), Said::Reset { stream: 1, .. }));
}

#[test]
fn what_the_socket_did_not_take_leaves_while_every_thread_runs_the_app() {
    let (_proxy, connector, mut link) = start(20);
    let mut requests = Vec::new();
    for stream in 1..=20 {
        link.request(stream, "GET", "/");
        requests.push(take(&connector));
    }
    let body = vec![b'x'; WINDOW_DEFAULT as usize];
    // Five MiB: more than the socket's buffers, less than what a link keeps is not needed.
    let taken: usize = requests
        .iter()
        .map(|request| request.reply().send(&ReplyHead::new(200).unwrap(), &body).unwrap())
        .sum();
    let mut heard = 0;
    while heard < taken {
        if let Said::Data { data, .. } = link.hear() {
            heard += data.len();
        }
    }
    assert_eq!(heard, taken);
}

#[test]
fn a_request_that_is_dropped_unanswered_is_reset() {
    let (_proxy, connector, mut link) = start(1);
    link.request(1, "GET", "/");
    let request = take(&connector);
    let reply = request.reply();
    drop(request);
    assert_eq!(connector.status().in_flight, 1, "the reply is still held");
    drop(reply);
    assert!(matches!(link.hear(), Said::Reset { stream: 1, .. }));
    assert_eq!(connector.status().in_flight, 0);
    notice(&connector, NoticeKind::AppFault);
}

#[test]
fn every_thread_learns_of_the_end_of_a_drain() {
    let (_proxy, connector, mut link) = start(3);
    link.request(1, "GET", "/");
    let request = take(&connector);
    let waits: Vec<_> = (0..3)
        .map(|_| connector.clone())
        .map(|connector| std::thread::spawn(move || assert!(matches!(connector.take(&wait()), Take::Ended))))
        .collect();
    connector.drain();
    assert_eq!(link.hear(), Said::Drain);
    link.request(2, "GET", "/");
    assert_eq!(link.hear(), Said::Refuse(2));
    answer(&request, b"last");
    assert_eq!(link.hear_reply(1).1, b"last");
    assert_eq!(link.hear(), Said::Goodbye(String::new()));
    assert_eq!(link.hear(), Said::Closed, "its side is closed after the last word");
    assert!(!connector.status().has_ended);
    link.close();
    waits.into_iter().for_each(join);
    notice(&connector, NoticeKind::Drained);
    assert_eq!(connector.next_notice(&wait()), None);
}

#[test]
fn a_stop_ends_every_wait() {
    let (_proxy, connector, mut link) = start(3);
    link.upload(1, "/", Body::Length(5));
    let reading = take(&connector);
    link.request(2, "GET", "/");
    let writing = take(&connector).reply();
    writing.start(&ReplyHead::new(200).unwrap()).unwrap();
    notice(&connector, NoticeKind::Connected);
    let (begun, begins) = mpsc::channel();
    let spawn = |wait: Box<dyn FnOnce() + Send>| {
        let begun = begun.clone();
        std::thread::spawn(move || {
            begun.send(()).unwrap();
            wait();
        })
    };
    let (taker, noter) = (connector.clone(), connector.clone());
    let waits = [
        spawn(Box::new(move || assert_eq!(reading.read(9, &wait()), Read::Failed(ReadError::Stopped)))),
        spawn(Box::new(move || {
            let error = writing.write(&vec![b'x'; 1 << 20], &wait()).unwrap_err();
            assert!(matches!(error, ReplyError::Stopped | ReplyError::AlreadyEnded), "{error:?}");
        })),
        spawn(Box::new(move || assert!(matches!(taker.take(&wait()), Take::Ended)))),
        spawn(Box::new(move || while noter.next_notice(&wait()).is_some() {})),
    ];
    (0..4).for_each(|_| begins.recv_timeout(PATIENCE).unwrap());
    connector.stop();
    waits.into_iter().for_each(join);
    assert!(connector.status().has_ended);
    assert!(matches!(connector.try_take(), Take::Ended));
    while link.hear() != Said::Closed {}
}

#[test]
fn dropping_the_connector_stops_it() {
    let (_proxy, connector, mut link) = start(1);
    notice(&connector, NoticeKind::Connected);
    let clone = connector.clone();
    drop(connector);
    link.request(1, "GET", "/");
    let request = take(&clone);
    drop(clone);
    assert!(matches!(link.hear(), Said::Reset { stream: 1, .. }));
    assert!(matches!(link.hear(), Said::Goodbye(_)));
    assert!(matches!(link.hear(), Said::Closed));
    assert!(request.is_disconnected());
}

#[test]
fn a_backend_comes_back_after_a_loss() {
    let (mut proxy, connector, mut link) = start(2);
    notice(&connector, NoticeKind::Connected);
    link.upload(1, "/", Body::Length(5));
    let request = take(&connector);
    let reader = {
        let request = request.clone();
        std::thread::spawn(move || assert_eq!(request.read(9, &wait()), Read::Failed(ReadError::LinkLost)))
    };
    link.close();
    join(reader);
    let reply = request.reply();
    assert_eq!(reply.send(&ReplyHead::new(200).unwrap(), b"x"), Err(ReplyError::LinkLost));
    notice(&connector, NoticeKind::Lost);
    proxy.restart();
    let mut link = proxy.welcome();
    notice(&connector, NoticeKind::Connected);
    link.request(1, "GET", "/");
    answer(&take(&connector), b"back");
    assert_eq!(link.hear_reply(1).1, b"back");
}

#[test]
fn a_proxy_that_is_not_there_yet_is_found_when_it_comes() {
    let address = FakeProxy::start().address();
    let connector =
        ThreadConnector::start(Options { connect: vec![address.clone()], ..Options::default() }).unwrap();
    let text = notice(&connector, NoticeKind::Unreachable);
    assert!(text.contains(&address.to_string()) && text.contains("connection refused"), "{text}");
    let proxy = FakeProxy::at(&address);
    let mut link = proxy.welcome();
    link.request(1, "GET", "/");
    answer(&take(&connector), b"x");
    link.hear_reply(1);
}

#[test]
fn every_shard_of_every_proxy_gets_its_link() {
    let proxies = [FakeProxy::start(), FakeProxy::start()];
    let connect = proxies.iter().map(FakeProxy::address).collect();
    let connector = ThreadConnector::start(Options { connect, slots: 8, ..Options::default() }).unwrap();
    let mut links: Vec<FakeLink> = Vec::new();
    for proxy in &proxies {
        links.push(proxy.welcome_as(1, 3));
        links.push(proxy.welcome_as_asked(3));
        links.push(proxy.welcome_as_asked(3));
    }
    until(|| connector.status().connected == 2);
    assert_eq!(connector.status().links, 6);
    for link in &mut links {
        link.request(1, "GET", "/");
    }
    for _ in &links {
        answer(&take(&connector), b"x");
    }
    for link in &mut links {
        link.hear_reply(1);
    }
}

/// A request that offers an upgrade, handed to the app as a connection.
fn handed_over() -> (FakeProxy, ThreadConnector, FakeLink, UnixStream) {
    let proxy = FakeProxy::start();
    let connector = ThreadConnector::start(Options { tunnels: 1, ..proxy.options(1) }).unwrap();
    let mut link = proxy.welcome();
    let flags = RequestFlags { end: true, upgrade: true, ..RequestFlags::default() };
    link.send_bytes(&fake::request(1, "GET", "/", Body::None, flags));
    let request = take(&connector);
    assert!(request.claim_tunnel());
    let socket = UnixStream::from(request.hand_over(RawReply::new(request.reply())).unwrap());
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    (proxy, connector, link, socket)
}

const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn a_connection_that_was_handed_over_carries_both_directions() {
    let (_proxy, connector, mut link, mut socket) = handed_over();
    // Somebody has to watch the links.
    let waiting = std::thread::spawn({
        let connector = connector.clone();
        move || assert!(matches!(connector.take(&wait()), Take::Ended))
    });
    socket.write_all(SWITCH).unwrap();
    assert!(matches!(link.hear(), Said::Reply { status: 101, .. }));
    assert_eq!(link.hear(), Said::Release(1));
    socket.write_all(b"hello").unwrap();
    assert_eq!(link.hear(), Said::Data { stream: 1, data: b"hello".to_vec(), end: false, hold: false });
    link.data(1, b"goodbye", true);
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"goodbye");
    drop(socket);
    assert_eq!(link.hear(), Said::Data { stream: 1, data: vec![], end: true, hold: false });
    connector.drain();
    assert_eq!(link.hear(), Said::Drain);
    assert_eq!(link.hear(), Said::Goodbye(String::new()));
    link.close();
    join(waiting);
}

#[test]
fn much_goes_through_a_connection_that_was_handed_over_in_its_windows() {
    let (_proxy, connector, mut link, mut socket) = handed_over();
    let waiting = std::thread::spawn({
        let connector = connector.clone();
        move || assert!(matches!(connector.take(&wait()), Take::Ended))
    });
    let mut writing = socket.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        writing.write_all(SWITCH).unwrap();
        writing.write_all(&vec![b'x'; 2 << 20]).unwrap();
    });
    let mut heard = 0;
    while heard < 2 << 20 {
        if let Said::Data { data, .. } = link.hear() {
            heard += data.len();
            link.grant(1, data.len() as u32);
        }
    }
    join(writer);
    let reader = std::thread::spawn(move || {
        let mut all = vec![0; 1 << 20];
        socket.read_exact(&mut all).unwrap();
        socket
    });
    // In the window, then as it is granted.
    let mut window = 256 * 1024;
    for piece in vec![b'y'; 1 << 20].chunks(32 * 1024) {
        while window < piece.len() {
            if let Said::Window { credit, .. } = link.hear() {
                window += credit as usize;
            }
        }
        window -= piece.len();
        link.data(1, piece, false);
    }
    drop(reader.join().unwrap());
    connector.stop();
    join(waiting);
}

#[test]
fn a_client_that_leaves_closes_the_connection_that_was_handed_over() {
    let (_proxy, connector, mut link, mut socket) = handed_over();
    let waiting = std::thread::spawn({
        let connector = connector.clone();
        move || assert!(matches!(connector.take(&wait()), Take::Ended))
    });
    link.cancel(1);
    assert_eq!(socket.read(&mut [0; 9]).unwrap(), 0);
    assert!(matches!(link.hear(), Said::Reset { stream: 1, .. }));
    connector.stop();
    join(waiting);
}
