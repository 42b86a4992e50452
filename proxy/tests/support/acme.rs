//! An authority that speaks as much ACME (RFC 8555, 8737) as it takes to give a certificate, over TLS. It does check what
//! it is asked to sign: that whoever asks for a name holds it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use rcgen::PublicKeyData;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::{Authority, Folder, PATIENCE};

/// A running authority; it stops when the test does.
pub struct AcmeServer {
    pub directory: String,
    /// The root that its own certificate is signed by.
    pub ca_file: PathBuf,
    pub state: Arc<Mutex<State>>,
}

/// What the test may look at and change.
#[derive(Default)]
pub struct State {
    /// Where the proxy's TLS is; the real one would ask the name service.
    pub proxy: Option<SocketAddr>,
    /// How it answers new orders.
    pub mood: Mood,
    /// Seconds for which certificates are valid from now on; they began a day ago.
    pub valid_s: u64,
    /// Accounts made.
    pub accounts: usize,
    /// Orders begun.
    pub orders: usize,
    /// Certificates given, as PEM.
    pub issued: Vec<String>,
    /// Of the account's key.
    thumbprint: String,
    names: Vec<String>,
    /// Of each name: what became of its proof.
    proofs: HashMap<String, Result<(), String>>,
    certificate: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Good,
    /// Every order is turned away.
    Busy,
    /// No proof convinces it.
    Doubting,
}

impl AcmeServer {
    pub fn start(authority: &Arc<Authority>, folder: &Folder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
        let (certificate, key) = authority.issue(&["localhost"]);
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key"),
            )
            .expect("a certificate and its key");
        let state = Arc::new(Mutex::new(State { valid_s: 90 * 86_400, ..State::default() }));
        let server = Server { base: base.clone(), authority: authority.clone(), state: state.clone() };
        let (config, server) = (Arc::new(config), Arc::new(server));
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, server) = (config.clone(), server.clone());
                thread::spawn(move || server.serve(socket, config));
            }
        });
        let ca_file = folder.write("root.pem", &authority.root_pem);
        Self { directory: format!("{base}/directory"), ca_file, state }
    }

    /// Waits until that many certificates were given.
    pub fn until_issued(&self, count: usize) {
        self.until(|state| state.issued.len() >= count);
    }

    pub fn until(&self, is_so: impl Fn(&State) -> bool) {
        let until = std::time::Instant::now() + PATIENCE;
        while !is_so(&self.state.lock().unwrap()) {
            assert!(std::time::Instant::now() < until, "{} orders", self.state.lock().unwrap().orders);
            thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

struct Server {
    base: String,
    authority: Arc<Authority>,
    state: Arc<Mutex<State>>,
}

impl Server {
    fn serve(&self, socket: TcpStream, config: Arc<ServerConfig>) {
        let Ok(tls) = ServerConnection::new(config) else { return };
        let mut client = BufReader::new(StreamOwned::new(tls, socket));
        while let Some((method, path, body)) = read_request(&mut client) {
            let (status, location, kind, body) = self.answer(&method, &path, &body);
            let location = location.map(|url| format!("Location: {url}\r\n")).unwrap_or_default();
            let reply = format!(
                "HTTP/1.1 {status} X\r\nReplay-Nonce: nonce\r\nContent-Type: {kind}\r\n{location}Content-Length: {}\r\n\r\n",
                body.len()
            );
            let body = if method == "HEAD" { "" } else { &body };
            if client.get_mut().write_all(format!("{reply}{body}").as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, method: &str, path: &str, body: &[u8]) -> (u16, Option<String>, &'static str, String) {
        let ok = |value: Value| (200, None, "application/json", value.to_string());
        let url = |path: &str| format!("{}/{path}", self.base);
        let (header, payload) = read_jws(body);
        let mut state = self.state.lock().unwrap();
        match (method, path) {
            ("GET", "/directory") => ok(json!({
                "newNonce": url("nonce"), "newAccount": url("account"), "newOrder": url("order"),
                "revokeCert": url("revoke"), "keyChange": url("change"),
            })),
            ("HEAD", "/nonce") => ok(json!({})),
            ("POST", "/account") => {
                state.accounts += 1;
                let jwk = &header["jwk"];
                // RFC 7638: these members, in this order.
                let canonical = format!(
                    r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#,
                    jwk["crv"], jwk["kty"], jwk["x"], jwk["y"]
                );
                state.thumbprint =
                    BASE64.encode(ring::digest::digest(&ring::digest::SHA256, canonical.as_bytes()));
                (201, Some(url("account/1")), "application/json", json!({"status": "valid"}).to_string())
            }
            ("POST", "/order") => {
                state.orders += 1;
                if state.mood == Mood::Busy {
                    let problem = json!({"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many", "status": 429});
                    return (429, None, "application/problem+json", problem.to_string());
                }
                let names = payload["identifiers"].as_array().expect("names").iter();
                state.names = names.map(|name| name["value"].as_str().expect("a name").to_owned()).collect();
                state.proofs.clear();
                state.certificate.clear();
                (201, Some(url("order/1")), "application/json", self.order(&state).to_string())
            }
            ("POST", "/order/1") => ok(self.order(&state)),
            ("POST", "/order/1/finalize") => {
                let csr = BASE64.decode(payload["csr"].as_str().expect("a request")).expect("base64");
                let names: Vec<_> = state.names.iter().map(String::as_str).collect();
                let certificate = self.authority.sign(&names, &Requested::read(&csr), state.valid_s);
                state.certificate = certificate.clone();
                state.issued.push(certificate);
                ok(self.order(&state))
            }
            ("POST", "/certificate/1") => {
                (200, None, "application/pem-certificate-chain", state.certificate.clone())
            }
            ("POST", path) if path.starts_with("/authz/") => ok(self.authorization(&state, &path[7..])),
            ("POST", path) if path.starts_with("/challenge/") => {
                let name = path[11..].to_owned();
                let expected = format!("token-of-{name}.{}", state.thumbprint);
                let (proxy, mood) = (state.proxy.expect("the test says where the proxy is"), state.mood);
                // Others may ask meanwhile, as they do in the world.
                drop(state);
                let proof = match mood {
                    Mood::Doubting => Err("no proof convinces me".to_owned()),
                    _ => check_proof(&self.authority, proxy, &name, &expected),
                };
                let mut state = self.state.lock().unwrap();
                state.proofs.insert(name.clone(), proof);
                ok(self.authorization(&state, &name)["challenges"][0].clone())
            }
            other => panic!("{other:?} is no ACME"),
        }
    }

    fn order(&self, state: &State) -> Value {
        let status = match () {
            () if !state.certificate.is_empty() => "valid",
            () if state.proofs.values().any(Result::is_err) => "invalid",
            () if state.proofs.len() == state.names.len() => "ready",
            () => "pending",
        };
        let names: Vec<_> = state.names.iter().map(|name| json!({"type": "dns", "value": name})).collect();
        let authz: Vec<_> = state.names.iter().map(|name| format!("{}/authz/{name}", self.base)).collect();
        json!({
            "status": status, "identifiers": names, "authorizations": authz,
            "finalize": format!("{}/order/1/finalize", self.base),
            "certificate": format!("{}/certificate/1", self.base),
        })
    }

    fn authorization(&self, state: &State, name: &str) -> Value {
        let proof = state.proofs.get(name);
        let status = match proof {
            None => "pending",
            Some(Ok(())) => "valid",
            Some(Err(_)) => "invalid",
        };
        let mut challenge = json!({
            "type": "tls-alpn-01", "status": status, "token": format!("token-of-{name}"),
            "url": format!("{}/challenge/{name}", self.base),
        });
        if let Some(Err(reason)) = proof {
            challenge["error"] =
                json!({"type": "urn:ietf:params:acme:error:unauthorized", "detail": reason, "status": 403});
        }
        let other = json!({
            "type": "http-01", "status": "pending", "token": "t", "url": format!("{}/challenge/other", self.base),
        });
        json!({
            "status": status, "identifier": {"type": "dns", "value": name}, "challenges": [challenge, other],
        })
    }
}

/// RFC 8737 section 3: by ALPN, for the name, a certificate that carries the digest.
fn check_proof(authority: &Authority, proxy: SocketAddr, name: &str, expected: &str) -> Result<(), String> {
    let dial = authority.dial(proxy).unverified().name(name);
    let dial = dial.change(|config| config.alpn_protocols = vec![b"acme-tls/1".to_vec()]);
    let client = dial.try_connect().map_err(|error| error.to_string())?;
    let tls = client.tls.expect("a handshake");
    if tls.alpn_protocol() != Some(b"acme-tls/1") {
        return Err("another protocol".to_owned());
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, expected.as_bytes());
    let certificate = &tls.peer_certificates().expect("a certificate")[0];
    let is_there = certificate.windows(32).any(|window| window == digest.as_ref());
    if is_there { Ok(()) } else { Err("the certificate does not carry the digest".to_owned()) }
}

fn read_request(client: &mut impl BufRead) -> Option<(String, String, Vec<u8>)> {
    let mut line = String::new();
    client.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        client.read_line(&mut header).ok()?;
        if header == "\r\n" {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).ok()?;
    Some((method, path, body))
}

/// Header and payload of a signed message (RFC 8555 section 6.2); whether the signature is right is the library's affair.
fn read_jws(body: &[u8]) -> (Value, Value) {
    let Ok(jws) = serde_json::from_slice::<Value>(body) else { return (Value::Null, Value::Null) };
    let part = |name: &str| {
        let bytes = BASE64.decode(jws[name].as_str().unwrap_or_default()).expect("base64");
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    };
    (part("protected"), part("payload"))
}

/// The public key in a request: a point of P-256, which is found by how it is announced.
struct Requested(Vec<u8>);

impl Requested {
    fn read(csr: &[u8]) -> Self {
        let mark = [0x03, 0x42, 0x00, 0x04];
        let at = csr.windows(4).position(|window| window == mark).expect("a key of P-256");
        Self(csr[at + 3..at + 3 + 65].to_vec())
    }
}

impl PublicKeyData for Requested {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}
