//! The process that is to take this one's place, as this one sees it. `channel` draws what they say.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::predecessor::UPGRADE;
use super::program::Program;
use super::{News, NewsSender};
use crate::config::Outgoing;
use crate::listen::Heirloom;

/// How long a new process may take until it is ready: it reads its configuration, which may have names to resolve.
const READY_TIME: Duration = Duration::from_secs(60);

/// How long a process that is given up may take to end by itself, so that its own exit status can be told.
const END_TIME: Duration = Duration::from_secs(1);

/// How often that is looked after.
const END_CHECK: Duration = Duration::from_millis(5);

/// A process that has been started.
#[derive(Debug)]
pub(super) struct Successor {
    /// Its number.
    pub pid: u32,
    channel: Arc<Channel>,
    attendant: JoinHandle<()>,
}

/// What it says.
#[derive(Debug)]
pub(super) enum Said {
    /// Backends can dial it.
    Ready,
    /// It takes clients: it is in this one's place.
    Serving,
    /// It is gone, and why.
    Failed(String),
}

/// What it inherits.
#[derive(Debug)]
pub(super) struct Estate {
    pub sockets: Vec<Heirloom>,
    pub pidfile: Option<(PathBuf, OwnedFd)>,
}

impl Successor {
    /// Starts it; what it says comes as news.
    pub(super) fn start(program: &Program, estate: Estate, news: NewsSender) -> io::Result<Self> {
        let (channel, theirs) = Channel::pair()?;
        channel.set_patience(READY_TIME)?;
        let mut command = program.command();
        // Sockets that a service manager opened for this process come through the channel now.
        for variable in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] {
            command.env_remove(variable);
        }
        let child = command.env(UPGRADE, "stdin").stdin(theirs).spawn()?;
        drop(command); // With our copy of its end.
        let pid = child.id();
        let channel = Arc::new(channel);
        let theirs = channel.clone();
        let attendant = thread::Builder::new().name("successor".into()).spawn(move || {
            let said = attend(&theirs, estate, &news).map_or_else(
                |why| {
                    theirs.hang_up();
                    Said::Failed(format!("{why}{}", end(child)))
                },
                |()| Said::Serving,
            );
            let _ = news.send(News::Successor(said));
        })?;
        Ok(Self { pid, channel, attendant })
    }

    /// Tells it which sites have how many backends, and that these have been told to come.
    pub(super) fn come(&self, sites: impl Iterator<Item = (usize, Outgoing)>) {
        for (backends, address) in sites {
            let _ = self.channel.send(&format!("site {backends} {address}"), None);
        }
        let _ = self.channel.send("come", None);
    }

    /// Ends it.
    pub(super) fn give_up(self) {
        self.channel.hang_up();
        let _ = self.attendant.join();
    }
}

/// Hands over, and waits until it is in our place.
fn attend(channel: &Channel, estate: Estate, news: &NewsSender) -> Result<(), String> {
    let broken = |error: io::Error| format!("the channel to it broke ({error})");
    // What it says of itself tells more than that it does not listen.
    let _ = hand_over(channel, estate);
    expect(channel, "ready")?;
    news.send(News::Successor(Said::Ready)).map_err(|_| "this process stops".to_owned())?;
    expect(channel, "serving")?;
    channel.set_patience(READY_TIME).map_err(broken)
}

fn hand_over(channel: &Channel, estate: Estate) -> io::Result<()> {
    for Heirloom { socket, removes_file } in &estate.sockets {
        let whose = if *removes_file { "socket removes" } else { "socket keeps" };
        channel.send(whose, Some(socket.as_fd()))?;
    }
    if let Some((path, file)) = &estate.pidfile {
        channel.send(&format!("pidfile {}", path.display()), Some(file.as_fd()))?;
    }
    channel.send("all", None)
}

fn expect(channel: &Channel, what: &str) -> Result<(), String> {
    match channel.receive() {
        Ok(Some((said, _))) if said == what => Ok(()),
        Ok(Some((said, _))) => Err(said.strip_prefix("failed ").unwrap_or(&said).to_owned()),
        Ok(None) => Err("it ended before it was ready".into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(format!("it was not ready within {} s", READY_TIME.as_secs()))
        }
        Err(error) => Err(format!("the channel to it broke ({error})")),
    }
}

/// Sees to it that it ends, and says how if that is of interest.
fn end(mut child: Child) -> String {
    let until = Instant::now() + END_TIME;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(None) => thread::sleep(END_CHECK),
            Ok(Some(status)) => return describe(status),
            Err(_) => break,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    " (it was killed)".into()
}

/// One that has said what is wrong ends with 1 or 2, which tells nothing more.
fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(0..=2) => String::new(),
        _ => format!(" ({status})"),
    }
}
