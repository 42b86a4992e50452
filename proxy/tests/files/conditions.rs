//! What a client that has the file, or a part of it, is sent.

use crate::Site;

const DATE_BEFORE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[test]
fn a_client_that_has_the_file_is_told_so() {
    let site = Site::with(&[("a.txt", "hello")]);
    let full = site.get("/a.txt", "");
    let (etag, date) = (full.header("ETag").expect("a tag"), full.header("Last-Modified").expect("a date"));
    for condition in [
        format!("If-None-Match: {etag}\r\n"),
        format!("If-None-Match: \"x\", W/{etag}\r\n"),
        format!("If-Modified-Since: {date}\r\n"),
        format!("If-None-Match: {etag}\r\nIf-Modified-Since: {DATE_BEFORE}\r\n"),
    ] {
        for reply in [site.get("/a.txt", &condition), site.head("/a.txt", &condition)] {
            assert_eq!((reply.status, reply.text()), (304, ""), "{condition}");
            assert_eq!(reply.header("ETag"), Some(etag));
            assert_eq!((reply.header("Content-Length"), reply.header("Content-Type")), (None, None));
        }
    }
    for condition in ["If-None-Match: \"x\"\r\n", &format!("If-Modified-Since: {DATE_BEFORE}\r\n")] {
        assert_eq!(site.get("/a.txt", condition).text(), "hello", "{condition}");
    }
}

#[test]
fn a_client_that_insists_on_another_state_is_refused() {
    let site = Site::with(&[("a.txt", "hello")]);
    for condition in ["If-Match: \"x\"\r\n", &format!("If-Unmodified-Since: {DATE_BEFORE}\r\n")] {
        let reply = site.get("/a.txt", condition);
        assert_eq!((reply.status, reply.text()), (412, ""), "{condition}");
    }
    let etag = site.get("/a.txt", "").header("ETag").expect("a tag").to_owned();
    assert_eq!(site.get("/a.txt", &format!("If-Match: {etag}\r\n")).text(), "hello");
}

#[test]
fn a_part_is_sent_to_whoever_asks_for_one() {
    let site = Site::with(&[("a.txt", "0123456789")]);
    for (range, text, content_range) in [
        ("0-0", "0", "bytes 0-0/10"),
        ("2-4", "234", "bytes 2-4/10"),
        ("7-", "789", "bytes 7-9/10"),
        ("-3", "789", "bytes 7-9/10"),
        ("0-99", "0123456789", "bytes 0-9/10"),
    ] {
        let reply = site.get("/a.txt", &format!("Range: bytes={range}\r\n"));
        assert_eq!((reply.status, reply.text()), (206, text), "{range}");
        assert_eq!(reply.header("Content-Range"), Some(content_range));
        assert_eq!(reply.header("Content-Length"), Some(text.len().to_string().as_str()));
    }
}

#[test]
fn a_part_that_is_not_there_is_refused() {
    let site = Site::with(&[("a.txt", "0123456789")]);
    let reply = site.get("/a.txt", "Range: bytes=10-\r\n");
    assert_eq!((reply.status, reply.header("Content-Range")), (416, Some("bytes */10")));
    assert_eq!((reply.header("Content-Length"), reply.header("Content-Type")), (Some("0"), None));
}

#[test]
fn several_parts_are_answered_with_the_whole() {
    let site = Site::with(&[("a.txt", "0123456789")]);
    for range in
        ["bytes=0-1,3-4", "bytes=0-,0-,0-", "lines=1-2", "bytes=4-2", "bytes=0-1\r\nRange: bytes=2-3"]
    {
        let reply = site.get("/a.txt", &format!("Range: {range}\r\n"));
        assert_eq!((reply.status, reply.text()), (200, "0123456789"), "{range}");
        assert_eq!(reply.header("Content-Range"), None);
    }
}

#[test]
fn a_download_goes_on_only_if_the_file_is_the_same() {
    let site = Site::with(&[("a.txt", "0123456789")]);
    let full = site.get("/a.txt", "");
    let (etag, date) = (full.header("ETag").expect("a tag"), full.header("Last-Modified").expect("a date"));
    for validator in [etag, date] {
        let reply = site.get("/a.txt", &format!("Range: bytes=5-\r\nIf-Range: {validator}\r\n"));
        assert_eq!((reply.status, reply.text()), (206, "56789"), "{validator}");
    }
    for validator in ["\"x\"", DATE_BEFORE, &format!("W/{etag}")] {
        let reply = site.get("/a.txt", &format!("Range: bytes=5-\r\nIf-Range: {validator}\r\n"));
        assert_eq!((reply.status, reply.text()), (200, "0123456789"), "{validator}");
    }
}

#[test]
fn a_head_has_no_ranges() {
    let site = Site::with(&[("a.txt", "0123456789")]);
    let reply = site.head("/a.txt", "Range: bytes=2-4\r\n");
    assert_eq!((reply.status, reply.header("Content-Length")), (200, Some("10")));
}
