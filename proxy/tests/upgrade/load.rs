//! Clients that go on asking on connections that they keep, in HTTP/1.1 or HTTP/2, and what became of every request.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use h2::Reason;

use crate::client::{Http2, request};
use crate::support::PATIENCE;

/// Running clients.
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    answered: AtomicUsize,
    posts: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

impl Load {
    pub fn start(address: &str, clients: usize) -> Self {
        let address = address.to_owned();
        let connect = move || connect(&address);
        Self::of(0..clients, || http1(connect.clone()))
    }

    /// Of each client's requests every third is a POST; the clients' numbers make them differ.
    pub fn of(clients: Range<usize>, client: impl Fn() -> Ask) -> Self {
        let shared = Arc::<Shared>::default();
        // The first one's bodies are longer than what is kept of a body.
        let filler = |number| if number == clients.start { "x".repeat(40_000) } else { String::new() };
        let threads = clients.clone().map(|number| {
            let (shared, filler, ask) = (shared.clone(), filler(number), client());
            std::thread::spawn(move || run(&shared, ask, number, &filler))
        });
        Self { threads: threads.collect(), shared }
    }

    pub fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Returns when so many more requests have been answered.
    pub fn wait_for_more(&self, number: usize) {
        let (goal, until) = (self.answered() + number, Instant::now() + 3 * PATIENCE);
        while self.answered() < goal {
            assert!(
                Instant::now() < until,
                "the load stands still: {:?}",
                self.shared.failures.lock().unwrap()
            );
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Lets every client finish: how many requests were answered, how many of them were POSTs, and what failed.
    pub fn end(mut self) -> (usize, usize, Vec<String>) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        let failures = std::mem::take(&mut *self.shared.failures.lock().unwrap());
        (self.answered(), self.shared.posts.load(Ordering::Relaxed), failures)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

fn run(shared: &Shared, mut ask: Ask, client: usize, filler: &str) {
    for number in 0.. {
        if shared.is_over.load(Ordering::Relaxed) {
            return;
        }
        let is_post = number % 3 == 2;
        let body = if is_post { format!("{client}-{number}{filler}") } else { String::new() };
        match ask(&body) {
            Ok(()) => {
                shared.answered.fetch_add(1, Ordering::Relaxed);
                shared.posts.fetch_add(is_post.into(), Ordering::Relaxed);
            }
            Err(error) => {
                let error: String = error.to_string().chars().take(400).collect();
                shared.failures.lock().unwrap().push(format!("{client}-{number}: {error}"));
            }
        }
    }
}

/// One client, which keeps its connection as long as it may: POSTs this body, or GETs if there is none. The same comes
/// back.
pub type Ask = Box<dyn FnMut(&str) -> io::Result<()> + Send>;

pub fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

pub fn http1<S: Read + Write + Send + 'static>(connect: impl Fn() -> io::Result<S> + Send + 'static) -> Ask {
    let mut connection = None;
    Box::new(move |body| {
        let mut stream = connection.take().map_or_else(&connect, Ok)?;
        if ask(&mut stream, body)? {
            connection = Some(stream);
        }
        Ok(())
    })
}

/// Whether the connection stays.
fn ask(stream: &mut (impl Read + Write), body: &str) -> io::Result<bool> {
    let request = match body.len() {
        0 => "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n".to_owned(),
        length => format!("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {length}\r\n\r\n{body}"),
    };
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let (mut reply, mut piece) = (Vec::new(), [0; 4096]);
    let head = loop {
        if let Some(end) = reply.windows(4).position(|four| four == b"\r\n\r\n")
            && reply.len() >= end + 4 + body.len()
        {
            break end + 4;
        }
        match stream.read(&mut piece)? {
            0 => return Err(io::Error::other(format!("closed after {:?}", String::from_utf8_lossy(&reply)))),
            n => reply.extend_from_slice(&piece[..n]),
        }
    };
    let text = String::from_utf8_lossy(&reply);
    if !text.starts_with("HTTP/1.1 200 ") || &text[head..] != body {
        return Err(io::Error::other(text.into_owned()));
    }
    Ok(!text[..head].to_ascii_lowercase().contains("connection: close"))
}

/// Several streams at once, where there are no bodies.
const STREAMS: usize = 3;

pub fn http2(connect: impl Fn() -> Http2 + Send + 'static) -> Ask {
    let mut connection = None;
    Box::new(move |body| {
        let mut left = if body.is_empty() { STREAMS } else { 1 };
        while left > 0 {
            let used = connection.take().unwrap_or_else(&connect);
            let (answered, is_told_to_leave) = ask_on(&used, left, body).map_err(io::Error::other)?;
            left -= answered;
            if !is_told_to_leave {
                connection = Some(used);
            }
        }
        Ok(())
    })
}

/// How many were answered, and whether the connection takes no more.
fn ask_on(connection: &Http2, count: usize, body: &str) -> Result<(usize, bool), String> {
    let (mut streams, mut answered, mut is_told_to_leave) = (Vec::new(), 0, false);
    for _ in 0..count {
        let method = if body.is_empty() { "GET" } else { "POST" };
        match connection.try_send(request(method, "/"), body.is_empty()) {
            Ok(stream) => streams.push(stream),
            Err(error) if error.is_go_away() => is_told_to_leave = true,
            Err(error) => return Err(format!("no stream: {error}")),
        }
    }
    for mut stream in streams {
        if !body.is_empty() {
            // Whatever is wrong, the reply tells.
            let _ = stream.try_send(body.as_bytes(), true);
        }
        match stream.try_reply() {
            Ok(reply) if reply.status == 200 && reply.body == body.as_bytes() => answered += 1,
            Ok(reply) => return Err(format!("{} {}", reply.status, reply.text())),
            // It crossed the GOAWAY, which says that it was not served: any client asks again (RFC 9113 section 6.8).
            Err(error) if error.is_go_away() && error.reason() == Some(Reason::NO_ERROR) => {
                is_told_to_leave = true;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok((answered, is_told_to_leave))
}
