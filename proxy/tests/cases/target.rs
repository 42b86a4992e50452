//! The request target (RFC 9112 section 3.2): as it came to the app, or refused.

use crate::run::Fate::*;
use crate::run::{Case, check};

#[test]
fn a_path_and_its_query_reach_the_app_as_they_came() {
    const CASES: &[Case] = &[
        ("/", Passes("GET /")),
        ("/?", Passes("GET /?")),
        ("/a?b?c", Passes("GET /a?b?c")),
        ("/a/./b/../c//d", Passes("GET /a/./b/../c//d")),
        ("//evil.test/a", Passes("GET //evil.test/a")),
        ("/%2e%2e/%2F%41", Passes("GET /%2e%2e/%2F%41")),
        ("/a;b=c,d:e@f", Passes("GET /a;b=c,d:e@f")),
        ("/[a]{b}|c^`<d>", Passes("GET /[a]{b}|c^`<d>")),
        ("/?a=%zz&b=%&c=%00", Passes("GET /?a=%zz&b=%&c=%00")),
        ("/http://other.test/", Passes("GET /http://other.test/")),
        ("/%zz", Refused(400)),
        ("/%", Refused(400)),
        ("/%4", Refused(400)),
        ("/%00", Refused(400)),
        ("/a%00b?c", Refused(400)),
        ("/a#b", Refused(400)),
        ("/?a#b", Refused(400)),
        ("/#", Refused(400)),
        ("/caf\u{e9}", Refused(400)),
        ("/?caf\u{e9}", Refused(400)),
        ("/a\u{7f}", Refused(400)),
        ("/a\0b", Refused(400)),
        ("/a\u{1}b", Refused(400)),
    ];
    check(CASES, |target| format!("GET {target} HTTP/1.1\r\nHost: app.test\r\n\r\n"));
}

#[test]
fn an_absolute_target_replaces_the_host_and_is_http() {
    const CASES: &[Case] = &[
        ("http://app.test/a?b", Passes("GET /a?b")),
        ("HTTP://app.test/", Passes("GET /")),
        ("https://app.test/", Passes("GET /")),
        ("http://app.test", Passes("GET /")),
        ("http://app.test?a", Passes("GET /?a")),
        ("http://other.test:81/a", Passes("GET /a at other.test:81")),
        ("http://[::1]:81/a", Passes("GET /a at [::1]:81")),
        ("http:///a", Refused(400)),
        ("http://", Refused(400)),
        ("http:/a", Refused(400)),
        ("http:a", Refused(400)),
        ("http://user@app.test/", Refused(400)),
        ("http://user:secret@app.test/", Refused(400)),
        ("http://app.test:port/", Refused(400)),
        ("http://app.test:99999/", Refused(400)),
        ("http://app test/", Refused(400)),
        ("http://app.test\\@evil.test/", Refused(400)),
        ("http://app.test/#a", Refused(400)),
        ("http://app.test/%zz", Refused(400)),
        ("ftp://app.test/", Refused(400)),
        ("javascript://app.test/", Refused(400)),
        ("file:///etc/passwd", Refused(400)),
        ("://app.test/", Refused(400)),
    ];
    check(CASES, |target| format!("GET {target} HTTP/1.1\r\nHost: app.test\r\n\r\n"));
}

#[test]
fn a_target_has_one_of_the_known_forms() {
    const CASES: &[Case] = &[
        ("OPTIONS *", Passes("OPTIONS *")),
        ("OPTIONS /", Passes("OPTIONS /")),
        ("OPTIONS http://app.test", Passes("OPTIONS *")),
        ("OPTIONS http://app.test/", Passes("OPTIONS /")),
        ("GET *", Refused(400)),
        ("POST *", Refused(400)),
        ("OPTIONS **", Refused(400)),
        ("OPTIONS */", Refused(400)),
        ("GET app.test", Refused(400)),
        ("GET app.test:80", Refused(400)),
        ("GET ?a", Refused(400)),
        ("GET ../a", Refused(400)),
        ("GET \\a", Refused(400)),
        ("GET a/b", Refused(400)),
        ("GET %2Fa", Refused(400)),
    ];
    check(CASES, |start| format!("{start} HTTP/1.1\r\nHost: app.test\r\n\r\n"));
}
