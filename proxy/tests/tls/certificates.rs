//! Which certificate a client gets, and what happens when the files change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use swiftiply::config::{Certificate, ConfigSource};
use swiftiply::run::Event;

use crate::support::{Authority, Client, Folder, TestProxy};
use crate::{Served, until};

/// The certificate that the proxy has shown.
fn shown(client: &Client) -> Vec<u8> {
    client.tls.as_ref().unwrap().peer_certificates().unwrap()[0].to_vec()
}

fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

#[test]
fn a_client_gets_the_certificate_for_the_name_it_asks_for() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let issued: Vec<_> =
        [&["first.test"][..], &["*.wild.test", "wild.test"], &["one.wild.test"], &["Upper.test"]]
            .iter()
            .enumerate()
            .map(|(number, names)| authority.issue_into(&folder, &number.to_string(), names))
            .collect();
    let served = Served::start_with(|config| {
        let load = |(certfile, keyfile): &(_, _)| {
            let keyfile: &std::path::PathBuf = keyfile;
            let certfile: &std::path::PathBuf = certfile;
            Arc::new(Certificate::load(certfile, Some(keyfile)).unwrap())
        };
        config.tls[0].certificates = issued.iter().map(load).collect();
    });
    let dial = authority.dial(served.proxy.clients).unverified();
    for (name, expected) in [
        ("first.test", 0),
        ("wild.test", 1),
        ("two.wild.test", 1),
        ("ONE.wild.test", 2),
        ("upper.test", 3),
        // A wildcard stands for one label.
        ("a.b.wild.test", 0),
        ("other.test", 0),
        // Nobody asks for an address by name (RFC 6066 section 3).
        ("127.0.0.1", 0),
    ] {
        let client = dial.name(name).connect();
        let expected = std::fs::read_to_string(&issued[expected].0).unwrap();
        assert_eq!(shown(&client), der(&expected), "{name}");
    }
}

/// A site over TLS as a file describes it.
fn configured(authority: &Authority, folder: &Folder) -> (TestProxy, ConfigSource) {
    authority.issue_into(folder, "app", &["app.test"]);
    let file = folder.write(
        "swiftiply.yml",
        "cluster_address: 127.0.0.1\n\
         tls: {at: 127.0.0.1:0, certfile: app.pem, keyfile: app.key}\n\
         shards: 1\n\
         map: [{incoming: app.test, outgoing: 127.0.0.1:0, default: true}]\n",
    );
    let source = ConfigSource { path: Some(file), ..ConfigSource::default() };
    let (config, warnings) = source.reload().unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    (TestProxy::start_from(&config, source.clone()), source)
}

#[test]
fn a_reload_takes_new_certificates_and_no_request_fails() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let (proxy, _) = configured(&authority, &folder);
    let mut backend = proxy.backend_with_slots(8);
    let (is_over, answered, served) = (AtomicBool::new(false), AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while let Some(request) = until(&served, || backend.request_within(Duration::from_millis(20))) {
                request.reply(200, "hello");
            }
        });
        let clients = [true, false, false].map(|keeps| {
            let (authority, is_over, answered, clients) = (&authority, &is_over, &answered, proxy.clients);
            scope.spawn(move || {
                let dial = authority.dial(clients);
                let mut client = dial.connect();
                while !is_over.load(Ordering::SeqCst) {
                    client.get("/");
                    assert_eq!(client.reply().text(), "hello");
                    answered.fetch_add(1, Ordering::SeqCst);
                    if !keeps {
                        client = dial.connect();
                    }
                }
            })
        });
        for _ in 0..5 {
            let (certificate, key) = authority.issue(&["app.test"]);
            folder.write("app.pem", &certificate);
            folder.write("app.key", &key);
            let before = answered.load(Ordering::SeqCst);
            proxy.tell(Event::Reload);
            let dial = authority.dial(proxy.clients);
            while shown(&dial.connect()) != der(&certificate) {}
            while answered.load(Ordering::SeqCst) < before + 20
                && !clients.iter().any(|client| client.is_finished())
            {
                std::thread::yield_now();
            }
        }
        is_over.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| client.join().unwrap());
        served.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_session_that_began_before_a_reload_is_resumed_after_it() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let (proxy, _) = configured(&authority, &folder);
    let mut backend = proxy.backend();
    let dial = authority.dial(proxy.clients);
    let mut client = dial.connect();
    client.get("/");
    backend.request().reply(200, "hello");
    client.reply();
    let (certificate, key) = authority.issue(&["app.test"]);
    folder.write("app.pem", &certificate);
    folder.write("app.key", &key);
    proxy.tell(Event::Reload);
    while shown(&authority.dial(proxy.clients).connect()) != der(&certificate) {}
    let client = dial.connect();
    assert_eq!(client.tls.unwrap().handshake_kind(), Some(rustls::HandshakeKind::Resumed));
}

#[test]
fn with_bad_files_a_reload_changes_nothing() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let (proxy, source) = configured(&authority, &folder);
    let old = shown(&authority.dial(proxy.clients).connect());
    let (_, other_key) = authority.issue(&["app.test"]);
    for (file, content, sentence) in [
        ("app.key", other_key.as_str(), "does not belong to the first certificate in"),
        ("app.key", "", "holds no private key"),
        ("app.pem", "-----BEGIN CERTIFICATE-----\n", "is no whole PEM"),
        ("app.pem", "", "holds no certificate"),
    ] {
        folder.write(file, content);
        let error = source.reload().unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
        proxy.tell(Event::Reload);
        assert_eq!(shown(&authority.dial(proxy.clients).connect()), old);
    }
    let (certificate, key) = authority.issue(&["app.test"]);
    folder.write("app.pem", &certificate);
    folder.write("app.key", &key);
    proxy.tell(Event::Reload);
    while shown(&authority.dial(proxy.clients).connect()) != der(&certificate) {}
}
