//! Clients in an open loop: each request is sent when its time has come, whatever became of those before it, and its
//! latency counts from that time. What a server is too slow to take thus counts against it, as it does for people.
//!
//! Standard input has one request per line, in order of time: microseconds from the beginning, and a path. Standard
//! output gets one line for each of them, in the same order: microseconds until its reply was whole, or `-` if it
//! failed.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

/// Between the start and the first request: time to open the first connections.
const PREPARATION: Duration = Duration::from_millis(50);
/// Connections that are open from the start. When all are in use another one is opened.
const CONNECTIONS_FIRST: usize = 64;
/// How long after the last request replies are waited for.
const PATIENCE: Duration = Duration::from_secs(15);
const EVENTS_MAX: usize = 512;

/// Plays the requests of standard input to a port of this machine.
pub fn play(port: u16) -> Result<(), String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    let visits =
        text.lines().map(visit).collect::<Option<Vec<_>>>().ok_or("a line is not MICROSECONDS PATH")?;
    let mut player = Player::new(port, visits).map_err(|error| format!("port {port}: {error}"))?;
    player.run().map_err(|error| error.to_string())?;
    let lines = player.visits.iter().map(|visit| match visit.took {
        Some(took) => format!("{}\n", took.as_micros()),
        None => "-\n".to_owned(),
    });
    io::stdout().write_all(lines.collect::<String>().as_bytes()).map_err(|error| error.to_string())
}

fn visit(line: &str) -> Option<Visit> {
    let (due_us, path) = line.split_once(' ')?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench.test\r\n\r\n").into_bytes();
    Some(Visit { due: Duration::from_micros(due_us.parse().ok()?), request, took: None })
}

struct Visit {
    due: Duration,
    request: Vec<u8>,
    took: Option<Duration>,
}

struct Player {
    port: u16,
    visits: Vec<Visit>,
    epoll: OwnedFd,
    /// By the number of their descriptor.
    connections: Vec<Option<Connection>>,
    /// Of these, the last one used is the next one.
    idle: VecDeque<usize>,
    begin: Instant,
    open: usize,
}

struct Connection {
    stream: TcpStream,
    reply: Vec<u8>,
    visit: Option<usize>,
}

impl Player {
    fn new(port: u16, visits: Vec<Visit>) -> io::Result<Self> {
        let mut player = Self {
            port,
            visits,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: Vec::new(),
            idle: VecDeque::new(),
            begin: Instant::now() + PREPARATION,
            open: 0,
        };
        for _ in 0..CONNECTIONS_FIRST {
            let number = player.connect()?;
            player.idle.push_back(number);
        }
        Ok(player)
    }

    fn run(&mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let end = self.begin + self.visits.last().map_or(Duration::ZERO, |last| last.due) + PATIENCE;
        let mut next = 0;
        while next < self.visits.len() || self.open > 0 {
            let now = Instant::now();
            while next < self.visits.len() && self.begin + self.visits[next].due <= now {
                self.send(next)?;
                next += 1;
            }
            let until = self.visits.get(next).map_or(end, |visit| self.begin + visit.due);
            if now >= end {
                break;
            }
            let wait = until.saturating_duration_since(Instant::now());
            let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait))?;
            for event in &events {
                self.receive(event.data.u64() as usize);
            }
        }
        Ok(())
    }

    fn connect(&mut self) -> io::Result<usize> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let number = stream.as_raw_fd() as usize;
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.epoll, stream.as_fd(), data, epoll::EventFlags::IN)?;
        if self.connections.len() <= number {
            self.connections.resize_with(number + 1, || None);
        }
        self.connections[number] =
            Some(Connection { stream, reply: Vec::with_capacity(16 * 1024), visit: None });
        Ok(number)
    }

    fn send(&mut self, visit: usize) -> io::Result<()> {
        let number = loop {
            match self.idle.pop_back() {
                None => break self.connect()?,
                Some(number) if self.connections[number].is_some() => break number,
                Some(_) => {} // the server has closed it
            }
        };
        let Some(connection) = &mut self.connections[number] else { return Ok(()) };
        connection.visit = Some(visit);
        self.open += 1;
        // A request is far shorter than a socket's buffer.
        if connection.stream.write_all(&self.visits[visit].request).is_err() {
            self.close(number);
        }
        Ok(())
    }

    fn receive(&mut self, number: usize) {
        let Some(connection) = self.connections.get_mut(number).and_then(Option::as_mut) else { return };
        let mut piece = [0; 64 * 1024];
        match connection.stream.read(&mut piece) {
            Ok(0) => return self.close(number),
            Ok(length) => connection.reply.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => return self.close(number),
        }
        if !is_whole(&connection.reply) {
            return;
        }
        let is_good = connection.reply.starts_with(b"HTTP/1.1 200");
        connection.reply.clear();
        if let Some(visit) = connection.visit.take() {
            self.open -= 1;
            let visit = &mut self.visits[visit];
            visit.took = is_good.then(|| (self.begin + visit.due).elapsed());
        }
        self.idle.push_back(number);
    }

    /// A request that was on it has failed.
    fn close(&mut self, number: usize) {
        if self.connections[number].take().is_some_and(|connection| connection.visit.is_some()) {
            self.open -= 1;
        }
    }
}

/// Whether a reply is all there: by its length, or by its last chunk.
fn is_whole(reply: &[u8]) -> bool {
    let Some(head) = reply.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else {
        return false;
    };
    let mut lines = reply[..head].split(|&byte| byte == b'\n');
    let length = lines.find_map(|line| {
        let (name, value) = line.split_at_checked("content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:")
            .then(|| std::str::from_utf8(value).ok()?.trim().parse::<usize>().ok())?
    });
    match length {
        Some(length) => reply.len() >= head + length,
        None => reply.ends_with(b"\r\n0\r\n\r\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_by_its_length_or_by_its_last_chunk() {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
        assert!(!is_whole(head.as_bytes()) && !is_whole(format!("{head}ab").as_bytes()));
        assert!(is_whole(format!("{head}abc").as_bytes()));
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
        assert!(!is_whole(head.as_bytes()));
        assert!(is_whole(format!("{head}0\r\n\r\n").as_bytes()));
    }
}
