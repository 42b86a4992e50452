//! Certificates that the proxy gets for itself: the first, the next in time, and none when the authority is in no mood.

#[path = "support/acme.rs"]
mod acme;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use acme::{AcmeServer, Mood};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use support::{Authority, Client, Folder, PATIENCE, TestProxy, one_site};
use swiftiply::acme::Store;
use swiftiply::config::{AcmeConfig, Config, TlsConfig};

struct Ground {
    authority: Arc<Authority>,
    server: AcmeServer,
    folder: Folder,
}

impl Ground {
    fn new() -> Self {
        let (authority, folder) = (Arc::new(Authority::new()), Folder::new());
        let server = AcmeServer::start(&authority, &folder);
        Self { authority, server, folder }
    }

    fn config(&self) -> Config {
        let mut config = one_site();
        config.tls = vec![TlsConfig::new(config.listen[0].clone())];
        config.acme = Some(AcmeConfig {
            state: self.folder.path("state"),
            contact: Some("ops@app.test".to_owned()),
            directory: self.server.directory.clone(),
            ca_file: Some(self.server.ca_file.clone()),
            orders: vec![vec!["app.test".to_owned(), "www.app.test".to_owned()]],
            retry: Duration::from_millis(20),
        });
        config
    }

    /// A proxy that the authority can reach.
    fn start(&self) -> TestProxy {
        let config = self.config();
        Store::of(config.acme.as_ref().unwrap()).prepare().unwrap();
        // The authority is asked as soon as the proxy runs, and must know by then where it is.
        let mut state = self.server.state.lock().unwrap();
        let proxy = TestProxy::start(&config);
        state.proxy = Some(proxy.clients);
        proxy
    }

    /// A client, once there is a certificate that it trusts.
    fn client(&self, proxy: &TestProxy, name: &str) -> Client {
        let dial = self.authority.dial(proxy.clients).name(name);
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            match dial.try_connect() {
                Ok(client) => return client,
                Err(error) => assert!(std::time::Instant::now() < until, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until clients are shown this certificate.
    fn until_shown(&self, proxy: &TestProxy, pem: &str) {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let until = std::time::Instant::now() + PATIENCE;
        while self.client(proxy, "app.test").tls.unwrap().peer_certificates().unwrap()[0] != der {
            assert!(std::time::Instant::now() < until, "another certificate is shown");
        }
    }

    fn issued(&self, number: usize) -> String {
        self.server.state.lock().unwrap().issued[number].clone()
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(
            |path| if path.is_dir() { [vec![path.clone()], files_in(&path)].concat() } else { vec![path] },
        )
        .collect()
}

#[test]
fn a_certificate_is_got_kept_for_its_owner_only_and_found_again() {
    let ground = Ground::new();
    let proxy = ground.start();
    let mut backend = proxy.backend();
    for name in ["app.test", "www.app.test"] {
        let mut client = ground.client(&proxy, name);
        client.send(format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n"));
        backend.request().reply(200, "hello");
        assert_eq!(client.reply().text(), "hello");
    }
    let kept = files_in(&ground.folder.path("state"));
    assert_eq!(kept.len(), 3, "{kept:?}");
    for path in kept {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
    drop(backend);
    drop(proxy);
    // The next start needs nobody.
    ground.server.state.lock().unwrap().mood = Mood::Busy;
    let proxy = ground.start();
    ground.client(&proxy, "app.test");
    let state = ground.server.state.lock().unwrap();
    assert_eq!((state.accounts, state.orders), (1, 1));
}

#[test]
fn a_certificate_is_renewed_before_it_expires_while_the_old_one_serves() {
    let ground = Ground::new();
    // A day is over, an hour is left: it is due as soon as it is there.
    ground.server.state.lock().unwrap().valid_s = 3600;
    let proxy = ground.start();
    let mut backend = proxy.backend();
    let mut client = ground.client(&proxy, "app.test");
    ground.server.until_issued(3);
    ground.server.state.lock().unwrap().mood = Mood::Busy;
    let before = ground.server.state.lock().unwrap().orders;
    ground.server.until(|state| state.orders >= before + 3);
    let last = ground.server.state.lock().unwrap().issued.last().unwrap().clone();
    ground.until_shown(&proxy, &last);
    // Who came with the first one was not disturbed.
    client.get("/");
    backend.request().reply(200, "hello");
    assert_eq!(client.reply().text(), "hello");
    // The authority is back, with certificates that last.
    let issued = {
        let mut state = ground.server.state.lock().unwrap();
        (state.mood, state.valid_s) = (Mood::Good, 90 * 86_400);
        state.issued.len()
    };
    ground.server.until_issued(issued + 1);
    ground.until_shown(&proxy, &ground.issued(issued));
    assert_eq!(ground.server.state.lock().unwrap().accounts, 1);
}

#[test]
fn without_proof_there_is_no_certificate_and_it_is_tried_again() {
    let ground = Ground::new();
    ground.server.state.lock().unwrap().mood = Mood::Doubting;
    let proxy = ground.start();
    ground.server.until(|state| state.orders >= 2);
    let error = ground.authority.dial(proxy.clients).try_connect().unwrap_err();
    assert!(error.to_string().contains("alert"), "{error}");
    ground.server.state.lock().unwrap().mood = Mood::Good;
    ground.client(&proxy, "app.test");
}

#[test]
fn a_proof_is_for_those_who_ask_while_there_is_one() {
    let ground = Ground::new();
    let proxy = ground.start();
    ground.client(&proxy, "app.test");
    let dial = ground.authority.dial(proxy.clients).unverified();
    let dial = dial.change(|config| config.alpn_protocols = vec![b"acme-tls/1".to_vec()]);
    assert!(dial.try_connect().is_err());
}

#[test]
fn what_is_kept_but_broken_is_got_anew() {
    let ground = Ground::new();
    drop(ground.client(&ground.start(), "app.test"));
    let kept = files_in(&ground.folder.path("state"));
    let bundle = kept.iter().find(|path| path.extension().is_some_and(|e| e == "pem")).unwrap();
    fs::write(bundle, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let proxy = ground.start();
    ground.client(&proxy, "app.test");
    let state = ground.server.state.lock().unwrap();
    assert_eq!((state.accounts, state.orders), (1, 2));
}
