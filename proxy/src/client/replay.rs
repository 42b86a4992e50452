//! Whether a request whose backend died is given to another one.

use std::time::Duration;

use swiftiply_wire::ResetCode;

use super::request::Request;
use crate::exchange::{Failure, Loss};

/// How often a request may be delivered in all, when the app may have begun to run it: one that kills its backend shall
/// not kill many.
const DELIVERIES_MAX: u32 = 2;

/// The same when the app is known not to have begun: several backends may die one after the other.
const UNSTARTED_DELIVERIES_MAX: u32 = 5;

/// A crash seldom comes alone: whoever kills one process kills the others within milliseconds, and a replay should not
/// hurry to the next victim.
const CRASH_PAUSE: Duration = Duration::from_millis(20);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Give it to another backend, after this pause.
    Replay {
        /// See [`CRASH_PAUSE`].
        pause: Duration,
    },
    /// Answer 502, and say this.
    GiveUp(&'static str),
}

/// Decides about a request of which the client has seen nothing yet.
///
/// RFC 9110 section 9.2.2: what is not idempotent must not run twice. That a backend has not begun is known from the
/// link: it says STARTED before a request that is not idempotent reaches the app.
pub(super) fn judge(failure: &Failure, request: &Request) -> Verdict {
    let (cause, pause) = match failure {
        Failure::Lost(Loss::Died) => ("The process that ran this request died.", CRASH_PAUSE),
        Failure::Lost(Loss::Silent) => {
            ("The process that ran this request is frozen or out of reach.", Duration::ZERO)
        }
        Failure::Reset(ResetCode::Stopping, _) => {
            ("The process that ran this request was stopped.", Duration::ZERO)
        }
        Failure::Reset(..) => return Verdict::GiveUp("The app gave no reply."),
        Failure::NotSwitched => {
            return Verdict::GiveUp("The app did not switch to the protocol that the client asked for.");
        }
        Failure::Breached => return Verdict::GiveUp("The app's reply cannot be passed on."),
        Failure::Refused(_) => return Verdict::Replay { pause: Duration::ZERO },
    };
    let may_run_again = request.is_idempotent && request.is_redeployable();
    // A process that stood still goes on one day, and then reads what lies in its socket before it finds out that we gave
    // it up: that it did not say STARTED so far proves nothing.
    let is_unstarted = !request.was_started && !matches!(failure, Failure::Lost(Loss::Silent));
    let deliveries_max = match () {
        () if is_unstarted && !request.is_idempotent => UNSTARTED_DELIVERIES_MAX,
        () if is_unstarted || may_run_again => DELIVERIES_MAX,
        () => 0,
    };
    if request.upload.is_kept() && request.deliveries < deliveries_max {
        Verdict::Replay { pause }
    } else {
        Verdict::GiveUp(cause)
    }
}
