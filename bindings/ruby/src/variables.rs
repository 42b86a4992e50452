//! The environment of a request, made in one pass.
//!
//! `lib/swiftiply/rack/variables.rb` says the same in Ruby, and a test holds the two against each other. Here a template
//! has a place for every variable that a request always has, so that only the values are made; and a header that travels
//! as a [`Token`] finds its `HTTP_...` string by its number.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

use magnus::value::{Opaque, ReprValue};
use magnus::{Error, RHash, RString, Ruby, Value};
use swiftiply_connector::{Body, Endpoint, Name, RequestHead, Scheme, Token, Version};

use crate::raw;

/// A head whose bytes it keeps itself.
type Head = RequestHead<Vec<u8>>;
/// A Ruby string that lives for ever, frozen and interned.
type Key = Opaque<RString>;

/// The variables that have a number, in the order of `Variables::NUMBERED` in Ruby.
#[derive(Debug, Clone, Copy)]
enum Variable {
    RequestMethod,
    ScriptName,
    PathInfo,
    RequestPath,
    QueryString,
    RequestUri,
    ServerProtocol,
    UrlScheme,
    HttpHost,
    ServerName,
    ServerPort,
    RemoteAddr,
    HttpVersion,
    ForwardedFor,
    ForwardedProto,
    ForwardedHost,
    ForwardedPort,
    ResponseFinished,
    AfterReply,
    Request,
    EarlyHints,
}

/// How many they are.
const VARIABLES: usize = Variable::EarlyHints as usize + 1;

/// Headers of one request, and the length of its body: no more can travel.
const OTHERS_MAX: usize = 257;

struct Known {
    /// What the server says by itself, and is one of few: frozen, as in Puma, and the same object in every environment.
    words: [(&'static str, Key); 6],
    content_length: Key,
    early_hints: Key,
    /// By the token's number minus one.
    headers: Vec<Key>,
}

static KNOWN: OnceLock<Known> = OnceLock::new();

/// Makes the keys.
pub(crate) fn init(ruby: &Ruby) {
    let eternal = |string: RString| {
        let string = string.to_interned_str();
        ruby.gc_register_mark_object(string);
        string.into()
    };
    let key = |name: &str| eternal(ruby.str_new(name));
    let word = |word: &'static str| (word, eternal(ruby.str_from_slice(word.as_bytes())));
    KNOWN.get_or_init(|| Known {
        words: ["HTTP/1.1", "HTTP/1.0", "http", "https", "80", "443"].map(word),
        content_length: key("CONTENT_LENGTH"),
        early_hints: key("rack.early_hints"),
        headers: Token::all().map(|token| key(&header_key(token))).collect(),
    });
}

fn header_key(token: Token) -> String {
    match token {
        Token::CONTENT_TYPE => "CONTENT_TYPE".into(),
        _ => literal_key(token.lower().as_bytes()),
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

/// A copy of `template` with the variables of this request: those that have a number there, and its other headers.
pub(crate) fn environment(ruby: &Ruby, template: RHash, head: &Head, request: Value) -> Result<RHash, Error> {
    let Some(known) = KNOWN.get() else {
        return Err(Error::new(ruby.exception_runtime_error(), "the library was not initialised"));
    };
    let nothing = ruby.get_inner(known.content_length);
    let mut others = [(nothing, nothing); OTHERS_MAX];
    let mut made =
        Made { ruby, known, numbered: [ruby.qnil().as_value(); VARIABLES], others: &mut others, len: 0 };
    made.target(head);
    made.addresses(head);
    made.headers(head, template);
    made.set(Variable::ResponseFinished, ruby.ary_new().as_value());
    made.set(Variable::AfterReply, ruby.ary_new().as_value());
    made.set(Variable::Request, request);
    if head.version() != Version::Http10 {
        made.set(Variable::EarlyHints, request);
    }
    made.to_hash(template)
}

/// The variables as they are made. They stay on the stack, where the garbage collector sees them.
struct Made<'r> {
    ruby: &'r Ruby,
    known: &'r Known,
    /// By number; `nil` is not there.
    numbered: [Value; VARIABLES],
    others: &'r mut [(RString, RString); OTHERS_MAX],
    len: usize,
}

impl Made<'_> {
    fn target(&mut self, head: &Head) {
        let (path, query, version) = (head.path(), head.query(), head.version().as_str());
        self.text(Variable::RequestMethod, head.method().as_bytes());
        self.text(Variable::ScriptName, b"");
        self.text(Variable::PathInfo, path);
        self.text(Variable::QueryString, query.unwrap_or_default());
        let path = self.ruby.str_from_slice(path).as_value();
        self.set(Variable::RequestPath, path);
        self.set(Variable::RequestUri, query.map_or(path, |query| self.uri(head.path(), query)));
        self.word(Variable::ServerProtocol, version);
        self.word(Variable::HttpVersion, version);
        self.word(Variable::UrlScheme, head.scheme().as_str());
    }

    fn uri(&self, path: &[u8], query: &[u8]) -> Value {
        let uri = self.ruby.str_from_slice(path);
        uri.cat(b"?");
        uri.cat(query);
        uri.as_value()
    }

    fn addresses(&mut self, head: &Head) {
        let authority = head.authority();
        if authority.is_empty() {
            self.local(head.local(), head.scheme());
        } else {
            let (host, port) = split(authority);
            self.text(Variable::HttpHost, authority);
            self.text(Variable::ServerName, host);
            match port {
                Some(port) => self.text(Variable::ServerPort, port),
                None => self.word(Variable::ServerPort, default_port(head.scheme())),
            }
        }
        // A client on a Unix socket has no address; Rack apps expect one, and it is on this machine.
        let ip = head.peer().map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.ip().to_canonical());
        let mut address = Text::new();
        match ip {
            IpAddr::V4(ip) => address.dotted(ip),
            IpAddr::V6(ip) => _ = write!(address, "{ip}"),
        }
        self.text(Variable::RemoteAddr, address.as_bytes());
    }

    /// A request without a host (HTTP/1.0) is named by where it arrived.
    fn local(&mut self, local: Endpoint, scheme: Scheme) {
        let (mut name, mut port) = (Text::new(), Text::new());
        let Some(local) = local else {
            self.text(Variable::ServerName, b"localhost");
            return self.word(Variable::ServerPort, default_port(scheme));
        };
        _ = match local.ip().to_canonical() {
            IpAddr::V4(ip) => write!(name, "{ip}"),
            IpAddr::V6(ip) => write!(name, "[{ip}]"),
        };
        _ = write!(port, "{}", local.port());
        self.text(Variable::ServerName, name.as_bytes());
        self.text(Variable::ServerPort, port.as_bytes());
    }

    fn headers(&mut self, head: &Head, template: RHash) {
        let repeated = repeated(head);
        let mut listed = Tokens::default();
        for (at, (name, value)) in head.headers().iter().enumerate() {
            match name.token() {
                None => self.literal(head, at, name, template),
                // Known from the body and the authority that travel, not from what a client wrote.
                Some(Token::CONTENT_LENGTH | Token::TRANSFER_ENCODING | Token::HOST) => {}
                Some(token) if !repeated.has(token) => self.header(token, self.ruby.str_from_slice(value)),
                Some(token) => {
                    if listed.add(token) {
                        self.header(token, self.list(head, at));
                    }
                }
            }
        }
        if let Body::Length(length) = head.body() {
            let mut digits = Text::new();
            _ = write!(digits, "{length}");
            self.push(
                self.ruby.get_inner(self.known.content_length),
                self.ruby.str_from_slice(digits.as_bytes()),
            );
        }
    }

    fn header(&mut self, token: Token, value: RString) {
        match token {
            Token::X_FORWARDED_FOR => self.set(Variable::ForwardedFor, value.as_value()),
            Token::X_FORWARDED_PROTO => self.set(Variable::ForwardedProto, value.as_value()),
            Token::X_FORWARDED_HOST => self.set(Variable::ForwardedHost, value.as_value()),
            Token::X_FORWARDED_PORT => self.set(Variable::ForwardedPort, value.as_value()),
            _ => self.push(self.key(token), value),
        }
    }

    /// A header whose name has no token: its key is made here.
    fn literal(&mut self, head: &Head, at: usize, name: Name<'_>, template: RHash) {
        let mut earlier = head.headers().iter().take(at);
        if earlier.any(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name.as_bytes())) {
            return; // It is in the list of the first.
        }
        let key = self.ruby.str_new(&literal_key(name.as_bytes()));
        // A client's own `Version` header must not pass for the version of HTTP.
        if name.as_bytes().eq_ignore_ascii_case(b"version") && template.get(key).is_some() {
            return;
        }
        self.push(key, self.list(head, at));
    }

    /// The header at `at`, and after it those of the same name: fields of one name are one list (RFC 9110 section 5.3),
    /// and cookies have their own separator (RFC 6265 section 5.4).
    fn list(&self, head: &Head, at: usize) -> RString {
        let mut headers = head.headers().iter().skip(at);
        let list = self.ruby.str_buf_new(0);
        let Some((name, value)) = headers.next() else { return list };
        let separator: &[u8] = if name.is(Token::COOKIE) { b"; " } else { b", " };
        list.cat(value);
        for (_, other) in headers.filter(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name.as_bytes()))
        {
            list.cat(separator);
            list.cat(other);
        }
        list
    }

    fn text(&mut self, variable: Variable, text: &[u8]) {
        self.set(variable, self.ruby.str_from_slice(text).as_value());
    }

    fn word(&mut self, variable: Variable, text: &str) {
        match self.known.words.iter().find(|(word, _)| *word == text) {
            Some((_, word)) => self.set(variable, self.ruby.get_inner(*word).as_value()),
            None => self.text(variable, text.as_bytes()),
        }
    }

    fn set(&mut self, variable: Variable, value: Value) {
        self.numbered[variable as usize] = value;
    }

    fn push(&mut self, key: RString, value: RString) {
        self.others[self.len] = (key, value);
        self.len += 1;
    }

    fn key(&self, token: Token) -> RString {
        self.ruby.get_inner(self.known.headers[usize::from(token.number()) - 1])
    }

    fn to_hash(&self, template: RHash) -> Result<RHash, Error> {
        let optional = [
            (Variable::HttpHost, self.key(Token::HOST)),
            (Variable::ForwardedFor, self.key(Token::X_FORWARDED_FOR)),
            (Variable::ForwardedProto, self.key(Token::X_FORWARDED_PROTO)),
            (Variable::ForwardedHost, self.key(Token::X_FORWARDED_HOST)),
            (Variable::ForwardedPort, self.key(Token::X_FORWARDED_PORT)),
            (Variable::EarlyHints, self.ruby.get_inner(self.known.early_hints)),
        ];
        let mut lacking = optional.map(|(_, key)| key);
        let mut count = 0;
        for (variable, key) in optional {
            if self.numbered[variable as usize].is_nil() {
                lacking[count] = key;
                count += 1;
            }
        }
        raw::copy_with(template, &self.numbered, &self.others[..self.len], &lacking[..count])
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

fn default_port(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "80",
        Scheme::Https => "443",
    }
}

/// Which tokens a head has more than once: hardly ever any, and then no list needs to be gathered.
fn repeated(head: &Head) -> Tokens {
    let (mut seen, mut repeated) = (Tokens::default(), Tokens::default());
    for token in head.headers().iter().filter_map(|(name, _)| name.token()) {
        if !seen.add(token) {
            repeated.add(token);
        }
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

    /// Returns whether it is new.
    fn add(&mut self, token: Token) -> bool {
        let is_new = !self.has(token);
        self.0 |= 1 << token.number();
        is_new
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

    /// As `write!` does, for the address that nearly every request has, at a tenth of the price.
    fn dotted(&mut self, ip: Ipv4Addr) {
        for (at, octet) in ip.octets().into_iter().enumerate() {
            let digits = [b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10];
            let leading = usize::from(octet < 100) + usize::from(octet < 10);
            for byte in (at > 0).then_some(b'.').into_iter().chain(digits.into_iter().skip(leading)) {
                self.bytes[self.len] = byte;
                self.len += 1;
            }
        }
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
