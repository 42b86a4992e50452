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
mod upload;

use std::net::SocketAddr;
use std::rc::Rc;

use swiftiply_wire::Version;
use tokio::net::TcpStream;

use crate::exchange::{Failure, Rules};
use crate::http::ErrorPage;
use crate::shard::{Connected, Shard};

use connection::{Connection, Ended};
use relay::Relayed;
use replay::Verdict;
use request::Request;
pub use request::Spare;
use slot::NoSlot;

/// Serves one client until it or we close the connection.
pub async fn serve(shard: Rc<Shard>, stream: TcpStream, peer: SocketAddr, _connected: Connected) {
    let mut connection = Connection::new(shard, stream, peer).await;
    loop {
        let after = match connection.next_request().await {
            Ok(mut request) => {
                let after = serve_one(&mut connection, &mut request).await;
                connection.is_done_with(request);
                after
            }
            Err(Ended::Quietly) => return,
            Err(Ended::Refused(refusal)) => refuse(&mut connection, &refusal).await,
        };
        match after {
            After::Keep => {}
            // Boxed, so that an idle connection keeps no room for it.
            After::Close => return Box::pin(connection.close()).await,
            After::Cut => return connection.cut(),
        }
    }
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The next request may come.
    Keep,
    /// All that had to be said is said.
    Close,
    /// The client must see that something is missing.
    Cut,
}

async fn serve_one(connection: &mut Connection, request: &mut Request) -> After {
    let after = match answer(connection, request).await {
        Ok(after) => after,
        Err(own) => reply_ourselves(connection, request, own).await,
    };
    connection.note(request);
    match after {
        After::Keep => request.upload.finish(connection).await,
        other => other,
    }
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

/// Gets the app's reply to the client, whatever it takes.
async fn answer(connection: &mut Connection, request: &mut Request) -> Result<After, Own> {
    let site = request.site.clone().ok_or(Own::new(404, "No site of this proxy has this host name."))?;
    if let Err(ended) = request.upload.gather(connection, &site.site).await {
        return give_up(request, ended);
    }
    let mut asked = site.site.ask(connection.waiter());
    loop {
        let slot = match slot::wait(connection, request, asked).await {
            Ok(slot) => slot,
            Err(no_slot) => return no_slot_answer(request, no_slot),
        };
        match relay::deliver(connection, request, &site, slot).await {
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
                asked = site.site.ask_after_refusal(slot, connection.waiter());
            }
            Relayed::NoLink => {
                // The link's task has to run before its backend is out of service.
                tokio::task::yield_now().await;
                asked = site.site.ask_again(connection.waiter());
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
                    asked = site.site.ask_again(connection.waiter());
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
    let site = request.site.as_ref().map_or("-", |site| site.name());
    if let Failure::Reset(_, reason) = failure {
        tracing::warn!("{site}: 502 for {}: {reason}", request.line());
    }
}

/// An error page; the rest of a body that nobody will read closes the connection.
async fn reply_ourselves(connection: &mut Connection, request: &mut Request, own: Own) -> After {
    let keep = request.rules.keep_alive && request.upload.is_read();
    let Rules { head_only, version, .. } = request.rules;
    request.outcome.status = own.status;
    match connection.say(&own.page(!keep, head_only, version)).await {
        Ok(()) if keep => After::Keep,
        _ => After::Close,
    }
}

/// What could not be read is answered, noted, and the connection closed.
async fn refuse(connection: &mut Connection, own: &Own) -> After {
    let _ = connection.say(&own.page(true, false, Version::Http11)).await;
    connection.note_refusal(own);
    After::Close
}
