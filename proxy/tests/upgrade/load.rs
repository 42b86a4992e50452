//! Clients that go on asking on keep-alive connections, and what became of every request.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

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
    /// Of each client's requests every third is a POST.
    pub fn start(address: &str, clients: usize) -> Self {
        let shared = Arc::<Shared>::default();
        let threads = (0..clients).map(|number| {
            let (shared, address) = (shared.clone(), address.to_owned());
            std::thread::spawn(move || run(&shared, &address, number))
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

fn run(shared: &Shared, address: &str, client: usize) {
    let mut connection = None;
    for number in 0.. {
        if shared.is_over.load(Ordering::Relaxed) {
            return;
        }
        let is_post = number % 3 == 2;
        let mut body = if is_post { format!("{client}-{number}") } else { String::new() };
        if is_post && client == 0 {
            // Longer than what is kept of a body.
            body.extend(std::iter::repeat_n('x', 40_000));
        }
        let request = match is_post {
            true => {
                format!("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            }
            false => "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n".to_owned(),
        };
        match ask(&mut connection, address, &request, &body) {
            Ok(()) => {
                shared.answered.fetch_add(1, Ordering::Relaxed);
                shared.posts.fetch_add(is_post.into(), Ordering::Relaxed);
            }
            Err(error) => {
                connection = None;
                let error: String = error.to_string().chars().take(400).collect();
                shared.failures.lock().unwrap().push(format!("{client}-{number}: {error}"));
            }
        }
    }
}

fn ask(connection: &mut Option<TcpStream>, address: &str, request: &str, body: &str) -> io::Result<()> {
    let mut stream = match connection.take() {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream
        }
    };
    stream.write_all(request.as_bytes())?;
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
    if !text[..head].to_ascii_lowercase().contains("connection: close") {
        *connection = Some(stream);
    }
    Ok(())
}
