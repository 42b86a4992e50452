//! The CGI variables of a request, put into a Rack environment in one pass.
//!
//! `lib/swiftiply/rack/variables.rb` says the same in Ruby, and a test holds the two against each other. Here the keys are
//! made once: a header that travels as a [`Token`] finds its `HTTP_...` string by its number.

use std::fmt::Write as _;
use std::sync::OnceLock;

use magnus::value::{Opaque, ReprValue};
use magnus::{Error, RHash, RString, Ruby, Value};
use swiftiply_connector::{Body, Name, RequestHead, Scheme, Token};

/// A head whose bytes it keeps itself.
type Head = RequestHead<Vec<u8>>;
/// A Ruby string that lives for ever, frozen and interned.
type Key = Opaque<RString>;

struct Keys {
    request_method: Key,
    script_name: Key,
    path_info: Key,
    request_path: Key,
    query_string: Key,
    request_uri: Key,
    server_protocol: Key,
    url_scheme: Key,
    http_host: Key,
    server_name: Key,
    server_port: Key,
    remote_addr: Key,
    content_length: Key,
    http_version: Key,
    /// By the token's number minus one; `None` for headers that are not given as such.
    headers: Vec<Option<Key>>,
}

static KEYS: OnceLock<Keys> = OnceLock::new();

/// Makes the keys.
pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let key = |name: &str| eternal(ruby, name);
    let keys = Keys {
        request_method: key("REQUEST_METHOD"),
        script_name: key("SCRIPT_NAME"),
        path_info: key("PATH_INFO"),
        request_path: key("REQUEST_PATH"),
        query_string: key("QUERY_STRING"),
        request_uri: key("REQUEST_URI"),
        server_protocol: key("SERVER_PROTOCOL"),
        url_scheme: key("rack.url_scheme"),
        http_host: key("HTTP_HOST"),
        server_name: key("SERVER_NAME"),
        server_port: key("SERVER_PORT"),
        remote_addr: key("REMOTE_ADDR"),
        content_length: key("CONTENT_LENGTH"),
        http_version: key("HTTP_VERSION"),
        headers: Token::all().map(|token| header_key(token).map(|name| key(&name))).collect(),
    };
    let _ = KEYS.set(keys);
    Ok(())
}

fn eternal(ruby: &Ruby, name: &str) -> Key {
    let string = ruby.str_new(name).to_interned_str();
    ruby.gc_register_mark_object(string);
    string.into()
}

fn header_key(token: Token) -> Option<String> {
    match token {
        Token::CONTENT_TYPE => Some("CONTENT_TYPE".into()),
        // Known from the body and the authority that travel, not from what a client wrote.
        Token::CONTENT_LENGTH | Token::TRANSFER_ENCODING | Token::HOST => None,
        _ => Some(literal_key(token.lower().as_bytes())),
    }
}

fn literal_key(name: &[u8]) -> String {
    let mut key = String::with_capacity(5 + name.len());
    key.push_str("HTTP_");
    // The proxy lets only tokens through (RFC 9110 section 5.1), which are ASCII.
    key.extend(
        name.iter().map(|&byte| if byte == b'-' { '_' } else { char::from(byte.to_ascii_uppercase()) }),
    );
    key
}

/// Puts the variables of this head into `env`.
pub(crate) fn fill(ruby: &Ruby, env: RHash, head: &Head, http_version: bool) -> Result<(), Error> {
    let Some(keys) = KEYS.get() else {
        return Err(Error::new(ruby.exception_runtime_error(), "the library was not initialised"));
    };
    let mut pairs = Pairs::new(ruby, env);
    fill_target(&mut pairs, keys, head)?;
    fill_addresses(&mut pairs, keys, head)?;
    fill_headers(&mut pairs, keys, head)?;
    if let Body::Length(length) = head.body() {
        let mut digits = Text::new();
        let _ = write!(digits, "{length}");
        pairs.add(keys.content_length, digits.as_bytes())?;
    }
    if http_version {
        // Last, because a client's own `Version` header would have the same name.
        pairs.add(keys.http_version, head.version().as_str().as_bytes())?;
    }
    pairs.insert()
}

fn fill_target(pairs: &mut Pairs<'_>, keys: &Keys, head: &Head) -> Result<(), Error> {
    let (path, query) = (head.path(), head.query());
    pairs.add(keys.request_method, head.method().as_bytes())?;
    pairs.add(keys.script_name, b"")?;
    pairs.add(keys.path_info, path)?;
    pairs.add(keys.request_path, path)?;
    pairs.add(keys.query_string, query.unwrap_or_default())?;
    match query {
        None => pairs.add(keys.request_uri, path)?,
        Some(query) => pairs.add_joined(keys.request_uri, &[path, b"?", query])?,
    }
    pairs.add(keys.server_protocol, head.version().as_str().as_bytes())?;
    pairs.add(keys.url_scheme, head.scheme().as_str().as_bytes())
}

fn fill_addresses(pairs: &mut Pairs<'_>, keys: &Keys, head: &Head) -> Result<(), Error> {
    let authority = head.authority();
    if authority.is_empty() {
        fill_local(pairs, keys, head)?;
    } else {
        let (host, port) = split(authority);
        pairs.add(keys.http_host, authority)?;
        pairs.add(keys.server_name, host)?;
        pairs.add(keys.server_port, port.unwrap_or_else(|| default_port(head.scheme())))?;
    }
    let mut address = Text::new();
    match head.peer() {
        Some(peer) => _ = write!(address, "{}", peer.ip().to_canonical()),
        // A client on a Unix socket has no address; Rack apps expect one, and it is on this machine.
        None => _ = write!(address, "127.0.0.1"),
    }
    pairs.add(keys.remote_addr, address.as_bytes())
}

/// A request without a host (HTTP/1.0) is named by where it arrived.
fn fill_local(pairs: &mut Pairs<'_>, keys: &Keys, head: &Head) -> Result<(), Error> {
    let (mut name, mut port) = (Text::new(), Text::new());
    match head.local() {
        Some(local) => {
            let ip = local.ip().to_canonical();
            _ = if ip.is_ipv6() { write!(name, "[{ip}]") } else { write!(name, "{ip}") };
            _ = write!(port, "{}", local.port());
            pairs.add(keys.server_name, name.as_bytes())?;
            pairs.add(keys.server_port, port.as_bytes())
        }
        None => {
            pairs.add(keys.server_name, b"localhost")?;
            pairs.add(keys.server_port, default_port(head.scheme()))
        }
    }
}

/// `example.com:80`, `[::1]:80`, `example.com`.
fn split(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    match authority.iter().rposition(|&byte| byte == b':') {
        Some(colon) if authority.last() != Some(&b']') => {
            let port = &authority[colon + 1..];
            (&authority[..colon], (!port.is_empty()).then_some(port))
        }
        _ => (authority, None),
    }
}

fn default_port(scheme: Scheme) -> &'static [u8] {
    match scheme {
        Scheme::Http => b"80",
        Scheme::Https => b"443",
    }
}

fn fill_headers(pairs: &mut Pairs<'_>, keys: &Keys, head: &Head) -> Result<(), Error> {
    let repeated = repeated(head);
    let mut listed = Tokens::default();
    for (at, (name, value)) in head.headers().iter().enumerate() {
        match token_of(name) {
            None => fill_literal(pairs, head, at, name)?,
            Some(token) => {
                let Some(key) = keys.headers.get(usize::from(token.number()) - 1).copied().flatten() else {
                    continue;
                };
                if !repeated.has(token) {
                    pairs.add(key, value)?;
                } else if !listed.has(token) {
                    listed.add(token);
                    pairs.add_list(pairs.ruby.get_inner(key), head, at)?;
                }
            }
        }
    }
    Ok(())
}

/// A header whose name has no token: its key is made here.
fn fill_literal(pairs: &mut Pairs<'_>, head: &Head, at: usize, name: Name<'_>) -> Result<(), Error> {
    let mut earlier = head.headers().iter().take(at);
    if earlier.any(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name.as_bytes())) {
        return Ok(()); // It is in the list of the first.
    }
    let key = pairs.ruby.str_new(&literal_key(name.as_bytes()));
    pairs.add_list(key, head, at)
}

/// The token of a name, also where it came spelled unusually (`hOST`).
fn token_of(name: Name<'_>) -> Option<Token> {
    name.token().or_else(|| Token::of(name.as_bytes()))
}

/// Which tokens a head has more than once: hardly ever any, and then no list needs to be gathered.
fn repeated(head: &Head) -> Tokens {
    let (mut seen, mut repeated) = (Tokens::default(), Tokens::default());
    for token in head.headers().iter().filter_map(|(name, _)| token_of(name)) {
        if seen.has(token) {
            repeated.add(token);
        }
        seen.add(token);
    }
    repeated
}

/// A set of tokens, whose numbers are below 128.
#[derive(Default)]
struct Tokens(u128);

impl Tokens {
    fn has(&self, token: Token) -> bool {
        self.0 & (1 << token.number()) != 0
    }

    fn add(&mut self, token: Token) {
        self.0 |= 1 << token.number();
    }
}

/// Variables on their way into the environment: keys and values in turn. They stay on the stack, where the garbage
/// collector sees them, and go in together, so that the Hash grows once.
struct Pairs<'r> {
    ruby: &'r Ruby,
    env: RHash,
    values: [Value; 96],
    len: usize,
}

impl<'r> Pairs<'r> {
    fn new(ruby: &'r Ruby, env: RHash) -> Self {
        Self { ruby, env, values: [ruby.qnil().as_value(); 96], len: 0 }
    }

    fn add(&mut self, key: Key, value: &[u8]) -> Result<(), Error> {
        self.push(self.ruby.get_inner(key), self.ruby.str_from_slice(value))
    }

    fn add_joined(&mut self, key: Key, parts: &[&[u8]]) -> Result<(), Error> {
        let joined = parts.concat();
        self.add(key, &joined)
    }

    /// The header at `at`, and after it those of the same name: fields of one name are one list (RFC 9110 section 5.3),
    /// and cookies have their own separator (RFC 6265 section 5.4).
    fn add_list(&mut self, key: RString, head: &Head, at: usize) -> Result<(), Error> {
        let mut headers = head.headers().iter().skip(at);
        let Some((name, value)) = headers.next() else { return Ok(()) };
        let separator: &[u8] = if name.is(Token::COOKIE) { b"; " } else { b", " };
        let list = self.ruby.str_from_slice(value);
        for (_, other) in headers.filter(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name.as_bytes()))
        {
            list.cat(separator);
            list.cat(other);
        }
        self.push(key, list)
    }

    fn push(&mut self, key: RString, value: RString) -> Result<(), Error> {
        if self.len == self.values.len() {
            self.insert()?;
        }
        self.values[self.len] = key.as_value();
        self.values[self.len + 1] = value.as_value();
        self.len += 2;
        Ok(())
    }

    fn insert(&mut self) -> Result<(), Error> {
        let len = std::mem::take(&mut self.len);
        self.env.bulk_insert(&self.values[..len])
    }
}

/// A short text on the stack: an address or a number.
struct Text {
    bytes: [u8; 64],
    len: usize,
}

impl Text {
    fn new() -> Self {
        Self { bytes: [0; 64], len: 0 }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl std::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
