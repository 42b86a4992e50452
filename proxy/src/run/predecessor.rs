//! The process whose place this one is to take, as this one sees it. `channel` draws what they say.

use std::env;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use nix::unistd::dup2_stdin;

use super::channel::Channel;
use super::{News, NewsSender};
use crate::config::Outgoing;
use crate::listen::{Heirloom, Inherited};

/// The environment variable by which a process learns that it is to take another's place; its standard input is the
/// channel to that one.
pub(super) const UPGRADE: &str = "SWIFTIPLY_UPGRADE";

/// How long the old process may take to hand over its sockets, which it does at once.
const HAND_OVER_TIME: Duration = Duration::from_secs(60);

/// The process whose place this one is to take.
#[derive(Debug)]
pub struct Predecessor {
    channel: Channel,
    /// Its listening sockets.
    pub inherited: Inherited,
    /// Its pid file, locked.
    pub pidfile: Option<(PathBuf, File)>,
}

/// Tells the predecessor why this process cannot take its place.
#[derive(Debug)]
pub struct Apology(Channel);

/// What the predecessor says.
#[derive(Debug)]
pub(super) enum Said {
    /// So many backends of the sites that dial there are on their way.
    Come(Vec<(usize, Outgoing)>),
    /// It is gone.
    Gone,
}

impl Predecessor {
    /// Meets it and takes what it hands over; none if this process was not started to take another's place.
    ///
    /// # Errors
    /// [`InheritanceError`]
    pub fn meet() -> Result<Option<Self>, InheritanceError> {
        if env::var_os(UPGRADE).is_none() {
            return Ok(None);
        }
        let channel = Channel::new(io::stdin().as_fd().try_clone_to_owned()?);
        // The old process notices our end by the channel's, so nobody else may have it.
        dup2_stdin(OpenOptions::new().read(true).open("/dev/null")?).map_err(io::Error::from)?;
        channel.set_patience(HAND_OVER_TIME)?;
        let mut met = Self { channel, inherited: Inherited::default(), pidfile: None };
        while !met.take_one()? {}
        Ok(Some(met))
    }

    /// Takes one thing; true after the last.
    fn take_one(&mut self) -> io::Result<bool> {
        let (text, descriptor) = self.channel.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let (what, rest) = text.split_once(' ').unwrap_or((&text, ""));
        match (what, descriptor) {
            ("all", _) => return Ok(true),
            ("socket", Some(socket)) => {
                self.inherited.add(Heirloom { socket, removes_file: rest == "removes" })?
            }
            ("pidfile", Some(file)) => self.pidfile = Some((rest.into(), file.into())),
            // Another version may hand over more than this one knows.
            _ => {}
        }
        Ok(false)
    }

    /// A way to tell it of a failure; for as long as this process is not ready.
    ///
    /// # Errors
    /// The system's, when it has no more descriptors.
    pub fn apology(&self) -> Result<Apology, InheritanceError> {
        Ok(Apology(self.channel.try_clone()?))
    }

    /// Backends can dial this process. What the predecessor says to that comes as news.
    pub(super) fn ready(&self, news: NewsSender) -> io::Result<()> {
        let channel = self.channel.try_clone()?;
        channel.send("ready", None)?;
        thread::Builder::new().name("predecessor".into()).spawn(move || {
            let said = listen(&channel).map_or(Said::Gone, Said::Come);
            let goes_on = matches!(said, Said::Come(_));
            let _ = news.send(News::Predecessor(said));
            // It closes when it goes, or when this process is in its place and nothing more is to be said.
            if goes_on && matches!(channel.receive(), Ok(None) | Err(_)) {
                let _ = news.send(News::Predecessor(Said::Gone));
            }
        })?;
        Ok(())
    }

    /// This process is in its place.
    pub(super) fn replace(self) -> io::Result<()> {
        self.channel.send("serving", None)
    }
}

fn listen(channel: &Channel) -> Option<Vec<(usize, Outgoing)>> {
    let mut sites = Vec::new();
    loop {
        let (text, _) = channel.receive().ok()??;
        match text.splitn(3, ' ').collect::<Vec<_>>()[..] {
            ["come"] => return Some(sites),
            ["site", backends, address] => sites.extend(backends.parse().ok().zip(address.parse().ok())),
            _ => {}
        }
    }
}

impl Apology {
    /// Says it.
    pub fn say(&self, why: &str) {
        let _ = self.0.send(&format!("failed {why}"), None);
    }
}

/// What a predecessor or a service manager left cannot be used.
#[derive(Debug)]
pub struct InheritanceError(io::Error);

impl fmt::Display for InheritanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{UPGRADE} is set, but on standard input is no process to take the place of ({}); that variable is for SIGUSR2 only, unset it",
            self.0
        )
    }
}

impl std::error::Error for InheritanceError {}

impl From<io::Error> for InheritanceError {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}
