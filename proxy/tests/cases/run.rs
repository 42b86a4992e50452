//! How a table of cases is checked.

use std::io::Write;

use swiftiply::config::Config;
use swiftiply_wire::{Body, Version};

use crate::support::{Arrived, Backend, Client, End, Reply, TestProxy, quick};

/// What must come of a message.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    /// Refused with this status, and the connection closed.
    Refused(u16),
    /// The backend sees this, as [`seen`] shows it, and the connection serves another request.
    Passes(&'static str),
    /// The same, but the connection is closed after the reply.
    Closes(&'static str),
}

/// What is special about a message, and what must come of it.
pub type Case<'c> = (&'c str, Fate);

/// Checks each case in each way; `complete` makes a message of what is special about it.
pub fn check(cases: &[Case<'_>], complete: impl Fn(&str) -> String) {
    check_with(|_| {}, cases, complete);
}

/// The same behind a proxy with other settings.
pub fn check_with(change: impl FnOnce(&mut Config), cases: &[Case<'_>], complete: impl Fn(&str) -> String) {
    let proxy = quick(change);
    let mut stage = Stage { backend: proxy.backend(), proxy, fresh: 0 };
    for (text, fate) in cases {
        let message = complete(text);
        for way in [Way::AtOnce, Way::Bytewise, Way::Pipelined] {
            stage.play(message.as_bytes(), *fate, way);
        }
    }
}

/// A request with these header lines besides its Host, and no body.
pub fn with_lines(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n\r\n")
}

/// The same message with a Host right behind the request line.
pub fn with_host(message: &str) -> String {
    message.replacen("\r\n", "\r\nHost: app.test\r\n", 1)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    AtOnce,
    Bytewise,
    /// With a good request right behind it.
    Pipelined,
}

const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n";

struct Stage {
    proxy: TestProxy,
    backend: Backend,
    /// Good requests on connections of their own so far.
    fresh: usize,
}

impl Stage {
    fn play(&mut self, message: &[u8], fate: Fate, way: Way) {
        let what = format!("{way:?}: {}", message[..message.len().min(300)].escape_ascii());
        let mut client = self.proxy.client();
        match way {
            Way::AtOnce => client.send(message),
            Way::Bytewise => send_bytewise(&mut client, message),
            Way::Pipelined => client.send([message, NEXT].concat()),
        }
        match fate {
            Fate::Refused(status) => self.is_refused(client, status, &what),
            Fate::Passes(expected) => {
                self.is_seen(&mut client, expected, &what);
                if way != Way::Pipelined {
                    client.send(NEXT);
                }
                self.is_seen(&mut client, "GET /next", &what);
            }
            Fate::Closes(expected) => {
                let reply = self.is_seen(&mut client, expected, &what);
                assert!(reply.closes(), "{what}: {reply:?}");
                // Bytes that come behind a request that was to be the last may meet a closed socket: that resets it.
                let may_be_reset = way == Way::Bytewise;
                let end = client.end();
                assert!(end == End::Closed || (may_be_reset && end == End::Reset), "{what}: {end:?}");
                self.nothing_else_came(&what);
            }
        }
    }

    fn is_refused(&mut self, mut client: Client, status: u16, what: &str) {
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (status, true), "{what}: {}", reply.text());
        assert_eq!(reply.header("Allow").is_some(), status == 405, "{what}");
        client.finish_sending();
        assert_eq!(client.end(), End::Closed, "{what}");
        self.nothing_else_came(what);
    }

    fn is_seen(&mut self, client: &mut Client, expected: &str, what: &str) -> Reply {
        let request = self.backend.request();
        if request.flags.expects_continue {
            request.inform(100, &[]);
        }
        let seen = seen(&mut self.backend, &request);
        assert_eq!(seen, expected, "{what}");
        request.reply(200, "seen");
        let reply = if request.method() == "HEAD" { client.reply_to_head() } else { client.reply() };
        let reply = if reply.status == 100 { client.reply() } else { reply };
        assert_eq!(reply.status, 200, "{what}: {}", reply.text());
        reply
    }

    /// A good request on a connection of its own is the next that the backend sees.
    fn nothing_else_came(&mut self, what: &str) {
        self.fresh += 1;
        let expected = format!("/fresh/{}", self.fresh);
        let mut client = self.proxy.client();
        client.get(&expected);
        let request = self.backend.request();
        assert_eq!(request.path(), expected, "{what} reached the backend");
        request.reply(200, "fresh");
        client.reply();
    }
}

/// A write for each byte; the proxy may have answered and closed in the middle.
fn send_bytewise(client: &mut Client, message: &[u8]) {
    for byte in message {
        if client.stream.write_all(&[*byte]).is_err() {
            return;
        }
    }
}

/// A request as its backend sees it: method, path and query; what is not as usual of version and authority; each header
/// but for Host and the X-Forwarded-* that tell the plain truth; the body; the trailers.
pub fn seen(backend: &mut Backend, request: &Arrived) -> String {
    let head = &request.head;
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let mut seen = format!("{} {}", text(head.method().as_bytes()), text(head.path()));
    if let Some(query) = head.query() {
        seen += &format!("?{}", text(query));
    }
    if head.version() == Version::Http10 {
        seen += " 1.0";
    }
    let authority = text(head.authority());
    if authority != "app.test" {
        seen += &format!(" at {authority}");
    }
    for (name, value) in head.headers().iter() {
        let (name, value) = (text(name.as_bytes()), text(value));
        let is_usual = match name.as_str() {
            "Host" | "X-Forwarded-Host" => value == authority,
            "X-Forwarded-For" => value == "127.0.0.1",
            "X-Forwarded-Proto" => value == "http",
            "X-Forwarded-Port" => value == authority.rsplit_once(':').map_or("80", |(_, port)| port),
            _ => false,
        };
        if !is_usual {
            seen += &format!(" [{name}: {value}]");
        }
    }
    if head.body() == Body::Unknown {
        seen += " chunked";
    }
    if !request.flags.end {
        let (body, trailers) = backend.body_and_trailers(request);
        seen += &format!(" \"{}\"", text(&body));
        seen.extend(trailers.iter().map(|(name, value)| format!(" +[{name}: {value}]")));
    }
    seen
}
