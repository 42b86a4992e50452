//! The steps of a request, for a client of whichever version.

use super::After;
use super::file::{self, Static};
use super::own::{Own, SHORT_OF_MEMORY};
use super::relay::{self, Relayed};
use super::replay::{self, Verdict};
use super::request::Request;
use super::side::{ClientSide, Ended};
use super::slot::{self, NoSlot};
use crate::exchange::{Failure, Rules};
use crate::http::ErrorPage;
use crate::site::Asked;

/// Gets a reply to the client, the app's or our own, and notes it. Tells what may become of an HTTP/1.1 connection then.
#[expect(clippy::manual_async_fn, reason = "arguments of an async fn have room in each client's task twice")]
pub(super) fn answer<'a, S: ClientSide>(
    side: &'a mut S,
    request: &'a mut Request,
) -> impl Future<Output = After> + use<'a, S> {
    async move {
        let after = match app_reply(side, request).await {
            Ok(after) => after,
            Err(own) => Box::pin(reply_ourselves(side, request, own)).await,
        };
        side.note(request);
        after
    }
}

/// Gets the app's reply to the client, whatever it takes.
#[expect(clippy::manual_async_fn, reason = "as above")]
fn app_reply<'a, S: ClientSide>(
    side: &'a mut S,
    request: &'a mut Request,
) -> impl Future<Output = Result<After, Own>> + use<'a, S> {
    async move {
        if side.shard().is_short_of_memory() {
            return Err(SHORT_OF_MEMORY);
        }
        if let Some(redirect) = &request.redirect {
            return Err(Own::new(redirect.status, "This site is served over https only."));
        }
        if let Some(file) = Static::of(request)
            && let Some(after) = Box::pin(file::send_static(side, request, file)).await
        {
            return Ok(after);
        }
        let pool = request.pool()?;
        if let Err(ended) = request.upload.gather(side, &pool.site).await {
            return give_up(request, ended);
        }
        let mut asked = pool.site.ask(side.waiter());
        loop {
            let slot = match asked {
                Asked::Granted(slot) => slot,
                Asked::Waiting(waiting) => match slot::wait(side, request, waiting).await {
                    Ok(slot) => slot,
                    Err(no_slot) => return no_slot_answer(request, no_slot),
                },
                Asked::Full => return no_slot_answer(request, NoSlot::QueueFull),
                Asked::Closed => return no_slot_answer(request, NoSlot::SiteClosed),
            };
            match relay::deliver(side, request, &pool, slot).await {
                Relayed::Whole { keep } => return Ok(if keep { After::Keep } else { After::Close }),
                Relayed::HandedOver(handover) => {
                    return Box::pin(file::send_named(side, request, handover)).await;
                }
                Relayed::ClientGone => {
                    request.client_gone();
                    return Ok(After::Cut);
                }
                Relayed::Silent => {
                    tracing::debug!(
                        "client {}: its tunnel was silent for too long (tunnel_timeout)",
                        side.client().address
                    );
                    return Ok(After::Close);
                }
                Relayed::BadBody(ended) => return give_up(request, ended),
                Relayed::Cut => return Ok(After::Cut),
                Relayed::Refused(slot) => {
                    request.begin_again()?;
                    request.deliveries -= 1; // The app has not seen it.
                    asked = pool.site.ask_after_refusal(slot, side.waiter());
                }
                Relayed::NoLink => {
                    // The link's task has to run before its backend is out of service.
                    tokio::task::yield_now().await;
                    asked = pool.site.ask_again(side.waiter());
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
                        asked = pool.site.ask_again(side.waiter());
                    }
                },
            }
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
        Ended::Refused(own) => {
            // Nothing says where the next request would begin.
            request.rules.keep_alive = false;
            Err(own)
        }
    }
}

fn log_failure(request: &Request, failure: &Failure) {
    let site = request.destination().unwrap_or("-");
    if let Failure::Reset(_, reason) = failure {
        tracing::warn!("{site}: 502 for {}: {reason}", request.line());
    }
}

/// An error page. The rest of a short body is read and thrown away behind it; a long one closes the connection.
async fn reply_ourselves<S: ClientSide>(side: &mut S, request: &mut Request, own: Own) -> After {
    let keep =
        request.rules.keep_alive && request.upload.may_be_discarded() && !side.shard().is_short_of_memory();
    let Rules { head_only, version, hsts, .. } = request.rules;
    request.outcome.status = own.status;
    let location = request.redirect.as_ref().map(|redirect| redirect.location.as_str());
    let directory = side.shard().directory();
    let pages =
        request.site.as_ref().map_or(&directory.config().error_pages, |site| &site.settings().error_pages);
    let page = pages.get(own.status).map(|page| (page.content_type.as_str(), &page.body[..]));
    let page = ErrorPage { page, location, hsts, ..own.page(!keep, head_only, version) };
    match side.say(&page).await {
        Ok(()) if keep => After::Keep,
        _ => After::Close,
    }
}
