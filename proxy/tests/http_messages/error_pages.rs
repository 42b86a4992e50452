//! Our own answers.

use std::time::UNIX_EPOCH;

use swiftiply::http::{DateLine, ErrorPage, Refusal};
use swiftiply_wire::Version;

const BUSY: ErrorPage<'_> = ErrorPage {
    status: 503,
    explanation: "No backend is free.",
    retry_after: Some(5),
    close: false,
    head_only: false,
    version: Version::Http11,
    location: None,
    page: None,
    hsts: None,
};

fn rendered(page: ErrorPage<'_>) -> (Vec<String>, String) {
    let mut out = Vec::new();
    page.render(&mut out, &DateLine::new(UNIX_EPOCH));
    let text = String::from_utf8(out).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split("\r\n").map(str::to_owned).collect(), body.to_owned())
}

#[test]
fn an_error_says_what_happened_in_plain_text() {
    let (head, body) = rendered(BUSY);
    assert_eq!(body, "503 Service Unavailable\n\nNo backend is free.\n");
    assert_eq!(
        head,
        [
            "HTTP/1.1 503 Service Unavailable",
            "Server: swiftiply",
            "Cache-Control: no-store",
            "Content-Type: text/plain; charset=utf-8",
            &format!("Content-Length: {}", body.len()),
            "Retry-After: 5",
            "Date: Thu, 01 Jan 1970 00:00:00 GMT",
        ]
    );
}

#[test]
fn an_error_to_a_head_request_announces_its_body_and_does_not_send_it() {
    let (head, body) = rendered(ErrorPage { head_only: true, ..BUSY });
    assert_eq!((head, body.as_str()), (rendered(BUSY).0, ""));
}

#[test]
fn an_error_says_whether_the_connection_stays() {
    let has = |page, line: &str| rendered(page).0.iter().any(|other| other == line);
    assert!(has(ErrorPage { close: true, ..BUSY }, "Connection: close"));
    assert!(has(ErrorPage { version: Version::Http10, ..BUSY }, "Connection: keep-alive"));
    assert!(has(ErrorPage { version: Version::Http10, close: true, ..BUSY }, "Connection: close"));
    assert!(!rendered(BUSY).0.iter().any(|line| line.starts_with("Connection")));
}

#[test]
fn a_refusal_is_answered_and_closes() {
    for &refusal in Refusal::ALL {
        let (head, body) = rendered(refusal.into());
        assert!(head[0].starts_with(&format!("HTTP/1.1 {} ", refusal.status())));
        assert!(head.contains(&"Connection: close".to_owned()));
        assert_eq!(head.iter().any(|line| line.starts_with("Allow: ")), refusal.status() == 405);
        assert!(body.contains(refusal.explain()));
    }
}
