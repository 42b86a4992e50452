//! What clients are promised that speak TLS, and those for whom a proxy in front speaks.

#[path = "../support/mod.rs"]
mod support;

#[path = "../http2/frames.rs"]
#[allow(dead_code)]
mod frames;

mod certificates;
mod connections;
mod handshakes;
mod only;
mod proxy_protocol;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use support::{Authority, Folder, TestProxy, one_site};
use swiftiply::config::{Certificate, Config, TlsConfig, TlsVersion};

/// What comes, unless this is over before.
fn until<T>(is_over: &AtomicBool, mut take: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        match take() {
            None if !is_over.load(Ordering::SeqCst) => {}
            taken => return taken,
        }
    }
}

/// One site, `app.test`, over TLS.
struct Served {
    authority: Authority,
    proxy: TestProxy,
    _folder: Folder,
}

impl Served {
    fn start() -> Self {
        Self::start_with(|_| {})
    }

    fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let (authority, folder) = (Authority::new(), Folder::new());
        let (certfile, keyfile) = authority.issue_into(&folder, "app", &["app.test"]);
        let mut config = one_site();
        config.tls = vec![TlsConfig {
            address: config.listen[0].clone(),
            certificates: vec![Arc::new(Certificate::load(&certfile, Some(&keyfile)).unwrap())],
            min_version: TlsVersion::default(),
        }];
        change(&mut config);
        Self { authority, proxy: TestProxy::start(&config), _folder: folder }
    }

    fn dial(&self) -> support::TlsDial {
        self.authority.dial(self.proxy.clients)
    }
}
