//! A client's connection: one request after the other, each given to a backend with a free slot.
//!
//! What happens to a request, in order; each step is a file:
//!
//! | step | where |
//! |---|---|
//! | its head is read, strictly, and written down for the link | `connection`, `request` |
//! | a small body is read before a slot is taken | `upload`, `pace` |
//! | a slot is asked for, and waited for | `slot` |
//! | it is delivered; body and reply flow | `relay` |
//! | the backend died: again, or 502 | `replay` |
//! | it is noted in the access log | [`crate::access`] |

mod connection;
mod pace;
mod relay;
mod replay;
mod request;
mod slot;
mod stream;
mod upload;

use std::net::SocketAddr;
use std::rc::Rc;

use swiftiply_wire::Version;

use crate::exchange::{Failure, Rules};
use crate::http::ErrorPage;
use crate::shard::{Connected, Shard};
use crate::site::Asked;

use connection::{Connection, Ended};
use relay::Relayed;
use replay::Verdict;
use request::Request;
pub use request::Spare;
use slot::NoSlot;
pub use stream::ClientStream;

/// A client that has just come.
#[derive(Debug)]
pub struct Arrival {
    /// Its socket.
    pub stream: ClientStream,
    /// Its address.
    pub peer: SocketAddr,
    /// Where it connected to.
    pub local: Option<Rc<SocketAddr>>,
}

/// Serves one client until it or we close the connection.
///
/// Its task is most of what an idle client costs, so what is rare is boxed, and the connection is made before the future
/// that has it: an argument of an `async fn` would have room there beside what was made of it.
pub fn serve(shard: &Rc<Shard>, arrival: Arrival, connected: Connected) -> impl Future<Output = ()> + use<> {
    let mut connection = Connection::new(shard.clone(), arrival, connected);
    async move {
        connection.begin().await;
        loop {
            let after = match connection.next_request().await {
                Ok(request) => serve_one(&mut connection, request).await,
                Err(Ended::Quietly) => return,
                Err(Ended::Refused(refusal)) => Box::pin(refuse(&mut connection, refusal)).await,
            };
            match after {
                After::Keep => {}
                After::Leave => return,
                After::Close => return Box::pin(connection.close()).await,
                After::Cut => return connection.cut(),
            }
        }
    }
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The next request may come.
    Keep,
    /// All that had to be said is said, on both sides.
    Leave,
    /// All that we had to say is said.
    Close,
    /// The client must see that something is missing.
    Cut,
}

async fn serve_one(connection: &mut Connection, mut request: Box<Request>) -> After {
    let after = match answer(connection, &mut request).await {
        Ok(after) => after,
        Err(own) => Box::pin(reply_ourselves(connection, &mut request, own)).await,
    };
    connection.note(&request);
    let after = match after {
        After::Keep if request.upload.is_read() => After::Keep,
        After::Keep => Box::pin(request.upload.finish(connection)).await,
        // The client needs no time to read the reply before it sees a reset: nothing comes that could cause one.
        After::Close if request.is_last && request.flags.end && connection.incoming.is_empty() => {
            After::Leave
        }
        other => other,
    };
    connection.is_done_with(request);
    after
}

/// An answer that comes from us.
#[derive(Debug)]
struct Own {
    status: u16,
    explanation: &'static str,
    retry_after: Option<u32>,
}

impl Own {
    const fn new(status: u16, explanation: &'static str) -> Self {
        Self { status, explanation, retry_after: None }
    }

    /// Whoever comes back after a second finds a queue that has moved on.
    const fn later(explanation: &'static str) -> Self {
        Self { status: 503, explanation, retry_after: Some(1) }
    }

    fn page(&self, close: bool, head_only: bool, version: Version) -> ErrorPage<'static> {
        let Self { status, explanation, retry_after } = *self;
        ErrorPage { status, explanation, retry_after, close, head_only, version }
    }
}

/// Neither this request nor another one on its connection: what both hold is needed.
const SHORT_OF_MEMORY: Own = Own::later("This proxy is short of memory.");

/// Gets the app's reply to the client, whatever it takes.
async fn answer(connection: &mut Connection, request: &mut Request) -> Result<After, Own> {
    if connection.shard.is_short_of_memory() {
        return Err(SHORT_OF_MEMORY);
    }
    let pool = request.pool()?;
    if let Err(ended) = request.upload.gather(connection, &pool.site).await {
        return give_up(request, ended);
    }
    let mut asked = pool.site.ask(connection.waiter());
    loop {
        let slot = match asked {
            Asked::Granted(slot) => slot,
            Asked::Waiting(waiting) => match slot::wait(connection, request, waiting).await {
                Ok(slot) => slot,
                Err(no_slot) => return no_slot_answer(request, no_slot),
            },
            Asked::Full => return no_slot_answer(request, NoSlot::QueueFull),
            Asked::Closed => return no_slot_answer(request, NoSlot::SiteClosed),
        };
        match relay::deliver(connection, request, &pool, slot).await {
            Relayed::Whole { keep } => return Ok(if keep { After::Keep } else { After::Close }),
            Relayed::ClientGone => {
                request.client_gone();
                return Ok(After::Cut);
            }
            Relayed::BadBody(ended) => return give_up(request, ended),
            Relayed::Cut => return Ok(After::Cut),
            Relayed::Refused(slot) => {
                request.begin_again()?;
                request.deliveries -= 1; // The app has not seen it.
                asked = pool.site.ask_after_refusal(slot, connection.waiter());
            }
            Relayed::NoLink => {
                // The link's task has to run before its backend is out of service.
                tokio::task::yield_now().await;
                asked = pool.site.ask_again(connection.waiter());
            }
            Relayed::Failed(failure) => match replay::judge(&failure, request) {
                Verdict::GiveUp(explanation) => {
                    log_failure(request, &failure);
                    return Err(Own::new(502, explanation));
                }
                Verdict::Replay { pause } => {
                    // Boxed, for the same reason.
                    Box::pin(tokio::time::sleep(pause)).await;
                    request.begin_again()?;
                    asked = pool.site.ask_again(connection.waiter());
                }
            },
        }
    }
}

fn no_slot_answer(request: &mut Request, no_slot: NoSlot) -> Result<After, Own> {
    let explanation = match no_slot {
        NoSlot::ClientGone => return give_up(request, Ended::Quietly),
        NoSlot::QueueFull => "Too many requests wait for this site.",
        NoSlot::TooLate => "No process of this site was free in time.",
        NoSlot::SiteClosed => "This site has been removed.",
    };
    Err(Own::later(explanation))
}

/// The request's body never became whole.
fn give_up(request: &mut Request, ended: Ended) -> Result<After, Own> {
    match ended {
        Ended::Quietly => {
            request.client_gone();
            // In order, not by a reset: replies to requests before this one may still be on their way.
            Ok(After::Close)
        }
        Ended::Refused(own) => Err(own),
    }
}

fn log_failure(request: &Request, failure: &Failure) {
    let site = request.destination().unwrap_or("-");
    if let Failure::Reset(_, reason) = failure {
        tracing::warn!("{site}: 502 for {}: {reason}", request.line());
    }
}

/// An error page; the rest of a body that nobody will read closes the connection.
async fn reply_ourselves(connection: &mut Connection, request: &mut Request, own: Own) -> After {
    let keep = request.rules.keep_alive && request.upload.is_read() && !connection.shard.is_short_of_memory();
    let Rules { head_only, version, .. } = request.rules;
    request.outcome.status = own.status;
    match connection.say(&own.page(!keep, head_only, version)).await {
        Ok(()) if keep => After::Keep,
        _ => After::Close,
    }
}

/// What could not be read is answered, noted, and the connection closed.
async fn refuse(connection: &mut Connection, own: Own) -> After {
    let _ = connection.say(&own.page(true, false, Version::Http11)).await;
    connection.note_refusal(&own);
    After::Close
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the task of a client may take, idle or not: with what tokio keeps beside it, less than 1 KiB.
    const TASK_BYTES_MAX: usize = 640;

    fn size_of_task<F: Future>(_: impl FnOnce(&Rc<Shard>, Arrival, Connected) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_an_idle_client_is_small() {
        let bytes = size_of_task(serve);
        assert!(bytes <= TASK_BYTES_MAX, "{bytes} bytes");
    }
}
