//! Certificates from an authority that speaks ACME (RFC 8555): asked for, kept, and renewed in time.
//!
//! That a host is ours is shown within TLS itself (tls-alpn-01, RFC 8737): the authority connects to port 443 and asks for a
//! certificate that only we can make. So no port 80 is needed, and no request is treated otherwise.
//!
//! - [`Keeper`] (here): one task for each certificate, in the thread of control; the shards see only [`Issued`].
//! - `issued`: what the shards' handshakes find.
//! - `order`: getting one certificate.
//! - `store`: the folder in which account and certificates are kept.

mod issued;
mod order;
mod store;

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use instant_acme::Account;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use crate::config::AcmeConfig;
use crate::tls::Certificate;

pub use issued::{CHALLENGE_PROTOCOL, Issued};
pub use store::{Store, StoreError};

/// Certificates that are asked for at once. Authorities bound it too.
const AT_ONCE: usize = 4;

/// The longest that getting one certificate may take; then it counts as failed.
const ATTEMPT_TIME: Duration = Duration::from_secs(300);

/// The longest pause after failures.
const RETRY_MAX: Duration = Duration::from_secs(6 * 3600);

/// A certificate is renewed when a third of its life is left, as authorities advise; up to a thirtieth earlier, so that
/// those that came together are not renewed together.
const RENEW_AT: u32 = 3;
const JITTER: u32 = 30;

/// Keeps certificates valid until it is dropped.
#[derive(Debug)]
pub struct Keeper {
    config: AcmeConfig,
    tasks: Vec<JoinHandle<()>>,
}

impl Keeper {
    /// Takes what the store has, at once, and keeps it valid from now on.
    pub fn start(config: &AcmeConfig, issued: &Arc<Issued>) -> Self {
        let work = Rc::new(Work {
            config: config.clone(),
            store: Store::of(config),
            issued: issued.clone(),
            account: OnceCell::new(),
            turns: Semaphore::new(AT_ONCE),
        });
        issued.keep_only(config.orders.iter().flatten());
        let tasks = config.orders.iter().map(|names| {
            let certificate = work.store.certificate(names);
            if let Some(certificate) = &certificate {
                work.issued.put(names, certificate);
            }
            spawn_local(keep(work.clone(), names.clone(), certificate))
        });
        let tasks = tasks.collect();
        Self { config: config.clone(), tasks }
    }

    /// Whether it does what this configuration wants.
    pub fn is_for(&self, config: &AcmeConfig) -> bool {
        self.config == *config
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What the tasks share.
struct Work {
    config: AcmeConfig,
    store: Store,
    issued: Arc<Issued>,
    account: OnceCell<Account>,
    turns: Semaphore,
}

/// Keeps one certificate valid.
async fn keep(work: Rc<Work>, names: Vec<String>, mut certificate: Option<Certificate>) {
    let mut retry = work.config.retry;
    loop {
        if let Some(certificate) = &certificate {
            sleep(until_due(certificate)).await;
        }
        match renew(&work, &names).await {
            Ok(new) => {
                let end = httpdate::fmt_http_date(new.not_after());
                tracing::info!("acme: a certificate for {} until {end}", names.join(", "));
                work.issued.put(&names, &new);
                certificate = Some(new);
                retry = work.config.retry;
                // An authority whose certificates are due when they come is not asked without a pause.
                sleep(work.config.retry).await;
            }
            Err(error) => {
                let meanwhile = match &certificate {
                    Some(old) => {
                        let end = httpdate::fmt_http_date(old.not_after());
                        format!("the one until {end} is used meanwhile")
                    }
                    None => "there is none".to_owned(),
                };
                let (list, pause) = (names.join(", "), retry.as_secs());
                tracing::warn!("acme: no certificate for {list}: {error}; again in {pause} s, {meanwhile}");
                sleep(retry).await;
                retry = (retry * 2).min(RETRY_MAX);
            }
        }
    }
}

async fn renew(work: &Work, names: &[String]) -> Result<Certificate, order::OrderError> {
    let _turn = work.turns.acquire().await.expect("it is never closed");
    let attempt = async {
        let account = work.account.get_or_try_init(|| order::account(&work.config, &work.store)).await?;
        let bundle = order::certificate(account, names, &work.issued).await?;
        Ok(work.store.keep(names, &bundle)?)
    };
    timeout(ATTEMPT_TIME, attempt).await.unwrap_or(Err(order::OrderError::TooSlow))
}

/// The time until a certificate is to be renewed.
fn until_due(certificate: &Certificate) -> Duration {
    let mut random = [0; 4];
    // Without it there is no jitter.
    let _ = getrandom::fill(&mut random);
    let random = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
    due_in(certificate.not_before(), certificate.not_after(), SystemTime::now(), random)
}

fn due_in(begin: SystemTime, end: SystemTime, now: SystemTime, random: f64) -> Duration {
    let life = end.duration_since(begin).unwrap_or_default();
    let early = life / RENEW_AT + (life / JITTER).mul_f64(random);
    end.checked_sub(early).and_then(|due| due.duration_since(now).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
        let day = Duration::from_secs(86_400);
        let begin = SystemTime::UNIX_EPOCH + 20_000 * day;
        let due = |now: u32, random| due_in(begin, begin + 90 * day, begin + now * day, random);
        assert_eq!(due(0, 0.0), 60 * day);
        assert_eq!(due(0, 1.0), 57 * day);
        assert_eq!(due(59, 0.0), day);
        for now in [60, 89, 90, 200] {
            assert_eq!(due(now, 0.0), Duration::ZERO, "day {now}");
        }
        assert_eq!(due_in(begin + day, begin, begin, 0.5), Duration::ZERO);
    }
}
