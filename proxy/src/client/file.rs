//! Replies made of files: the site's static ones, and those that its app names. They reach the client through the same
//! exchange as an app's; a [`Source`] takes the link's place.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use swiftiply_wire::{Name, ReplyHead, RequestHead, Token};
use tokio::task::spawn_blocking;

use super::After;
use super::own::Own;
use super::request::Request;
use super::side::ClientSide;
use crate::compress::Accepted;
use crate::config::DocRoot;
use crate::exchange::{Exchange, Handover};
use crate::files::{self, Effort, FileReply, Found, Naming, NeedsDisk, Opened, Source, Wanted};

/// A request that a static file may answer.
pub(super) enum Static {
    /// It does.
    Found(FileReply),
    /// Only a disk can tell.
    Asked { root: Arc<DocRoot>, wanted: Wanted, accepted: Accepted },
}

impl Static {
    /// Looks whether the request is a GET or HEAD for a file that is there. Costs a site without docroot nothing; it is
    /// boxed because the task of every client has room for it.
    pub fn of(request: &Request) -> Option<Box<Self>> {
        let root = request.site.as_ref()?.settings().docroot.as_ref()?;
        let head = RequestHead::read(&request.head[..]).ok()?;
        if !matches!(head.method().as_bytes(), b"GET" | b"HEAD") {
            return None;
        }
        let wanted = Wanted::of_url(std::str::from_utf8(head.path()).ok()?)?;
        let headers = head.headers().iter().filter(|(name, _)| name.is(Token::ACCEPT_ENCODING));
        let accepted = Accepted::read(headers.map(|(_, value)| value));
        Some(Box::new(match files::find(root, &wanted, &accepted, Effort::InMemory) {
            Ok(found) => Self::Found(reply(found?, root, &head)),
            Err(NeedsDisk) => Self::Asked { root: root.clone(), wanted, accepted },
        }))
    }

    /// The reply, once a thread that may wait has looked.
    async fn reply(self, request: &Request) -> Option<FileReply> {
        let (root, wanted, accepted) = match self {
            Self::Found(reply) => return Some(reply),
            Self::Asked { root, wanted, accepted } => (root, wanted, accepted),
        };
        let within = root.clone();
        let found = spawn_blocking(move || files::find(&within, &wanted, &accepted, Effort::Any));
        let found = found.await.ok()?.ok()??;
        let head = RequestHead::read(&request.head[..]).ok()?;
        Some(reply(found, &root, &head))
    }
}

/// Sends the file, if it is there.
pub(super) async fn send_static<S: ClientSide>(
    side: &mut S,
    request: &mut Request,
    file: Box<Static>,
) -> Option<After> {
    let reply = file.reply(request).await?;
    Some(send(side, request, reply).await)
}

/// The file that an app named is not there.
const NOT_THERE: Own = Own::new(404, "The file of this reply is not there.");

/// Sends the file that the app named in place of its reply's body. The app is done with the request, and its slot free.
pub(super) async fn send_named<S: ClientSide>(
    side: &mut S,
    request: &mut Request,
    handover: Box<Handover>,
) -> Result<After, Own> {
    let root =
        request.site.as_ref().and_then(|site| site.settings().sendfileroot.clone()).ok_or(NOT_THERE)?;
    let app = ReplyHead::read(&handover.head[..]).map_err(|_| NOT_THERE)?;
    let named = |name: Name<'_>, value| Naming::of(name.as_bytes()).map(|naming| (naming, value));
    let named = app.headers().iter().find_map(|(name, value)| named(name, value));
    let (naming, value) = named.ok_or(NOT_THERE)?;
    let Some((opened, path)) = open_named(&root.folder, naming, value).await else {
        let (site, name, root) =
            (request.destination().unwrap_or("-"), value.escape_ascii(), root.folder.display());
        tracing::warn!(
            "{site}: 404 for {}: the app named {name}, which is no file in {root}",
            request.line()
        );
        return Err(NOT_THERE);
    };
    let head = RequestHead::read(&request.head[..]).map_err(|_| NOT_THERE)?;
    let reply = FileReply::of_app(opened, &path, &app, &head, SystemTime::now());
    Ok(send(side, request, reply).await)
}

async fn open_named(root: &Path, naming: Naming, value: &[u8]) -> Option<(Opened, PathBuf)> {
    let path = naming.path(value)?;
    if let Ok(found) = files::find_named(root, &path, Effort::InMemory) {
        return found;
    }
    let root = root.to_owned();
    spawn_blocking(move || files::find_named(&root, &path, Effort::Any).ok()?).await.ok()?
}

fn reply(found: Found, root: &DocRoot, request: &RequestHead<&[u8]>) -> FileReply {
    FileReply::of_url(found, root.max_age, request, SystemTime::now())
}

/// Sends it.
async fn send<S: ClientSide>(side: &mut S, request: &mut Request, reply: FileReply) -> After {
    let exchange = request.exchange(0);
    let is_begun = ReplyHead::read(&reply.head[..]).is_ok_and(|head| {
        let has_end = reply.source.is_none() || request.rules.head_only;
        exchange.replied(&head, has_end, &side.shard().date.borrow()).is_ok()
    });
    debug_assert!(is_begun, "a head of our own is well-formed");
    let mut flow = Flow { exchange: &exchange, source: reply.source, writing: 0 };
    let after = poll_fn(|cx| flow.poll(cx, side)).await;
    request.note_file(&exchange);
    after
}

/// A file on its way.
struct Flow<'a> {
    exchange: &'a Rc<Exchange>,
    /// What is still to be read.
    source: Option<Source>,
    /// Bytes of body that the client's side has taken and not written yet.
    writing: u32,
}

impl Flow<'_> {
    /// One piece after the other, the first together with the head: the next is read when the client has taken the one
    /// before.
    fn poll<S: ClientSide>(&mut self, cx: &mut Context<'_>, side: &mut S) -> Poll<After> {
        loop {
            if ready!(side.poll_write_out(cx)).is_err() {
                return Poll::Ready(After::Cut);
            }
            self.exchange.paid(std::mem::take(&mut self.writing));
            if !self.exchange.is_over() && !ready!(self.poll_source(cx)) {
                return Poll::Ready(After::Cut);
            }
            if !self.exchange.has_out() {
                let keep = self.exchange.keeps_connection();
                return Poll::Ready(if keep { After::Keep } else { After::Close });
            }
            self.writing = side.take_reply(self.exchange);
        }
    }

    /// Tells the exchange the next piece. False if there is none, although there should be.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(source) = &mut self.source else { return Poll::Ready(false) };
        let exchange = self.exchange;
        let mut is_told = false;
        let read = ready!(source.poll_piece(cx, |piece, is_last| {
            is_told = exchange.data(piece, is_last).is_ok();
        }));
        if let Err(error) = read {
            tracing::warn!("{}: the reply was cut: {error}", source.path().display());
        }
        Poll::Ready(is_told)
    }
}
