//! What lies outside a docroot, or is hidden in it, is never served.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::{Site, put};

/// Beside the docroot lie `secret`, and a folder whose name begins like its own.
fn site() -> Site {
    let site = Site::with(&[
        ("a.txt", "a"),
        (".env", "secret"),
        (".git/config", "secret"),
        ("sub/.htpasswd", "secret"),
    ]);
    put(&site.folder.path("secret"), "secret");
    put(&site.folder.path("public-secret/x"), "secret");
    site
}

#[test]
fn no_path_leads_out() {
    let site = site();
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/%2E%2E/secret",
        "/.%2e/secret",
        "/..%2fsecret",
        "/..%5csecret",
        "/..\\secret",
        "/sub/../../secret",
        "/sub/%2e%2e/%2e%2e/secret",
        "/%252e%252e/secret",
        "/./../secret",
        "//../secret",
        "/../public-secret/x",
        "/..;/secret",
        "/a.txt/../../secret",
        "/a.txt/../a.txt",
    ] {
        assert!(site.is_the_apps(path), "{path}");
    }
}

#[test]
fn what_is_not_a_path_reaches_nobody() {
    let site = site();
    for path in ["/a.txt%00", "/a%00/../secret", "/%", "/%zz"] {
        assert_eq!(site.get(path, "").status, 400, "{path}");
    }
}

#[test]
fn a_link_leads_nowhere_outside() {
    let site = site();
    for (target, name) in [
        ("../secret", "relative"),
        (site.folder.path("secret").to_str().expect("UTF-8"), "absolute"),
        ("..", "up"),
        ("../public-secret", "neighbour"),
        ("/etc", "etc"),
        ("/proc/self/root", "magic"),
        ("link", "link"),
    ] {
        symlink(target, site.path(name)).expect("a link of our own");
    }
    for path in
        ["/relative", "/absolute", "/up/secret", "/neighbour/x", "/etc/passwd", "/magic/etc/passwd", "/link"]
    {
        assert!(site.is_the_apps(path), "{path}");
    }
    symlink("a.txt", site.path("inside")).expect("a link of our own");
    assert_eq!(site.get("/inside", "").text(), "a");
}

#[test]
fn a_compressed_sibling_leads_nowhere_outside_either() {
    let site = site();
    put(&site.path("app.js"), "plain");
    symlink("../secret", site.path("app.js.gz")).expect("a link of our own");
    let reply = site.get("/app.js", "Accept-Encoding: gzip\r\n");
    assert_eq!((reply.text(), reply.header("Content-Encoding")), ("plain", None));
}

#[test]
fn hidden_files_are_not_served_but_well_known_ones_are() {
    let site = site();
    for path in ["/.env", "/%2eenv", "/.git/config", "/sub/.htpasswd", "/.git/"] {
        assert!(site.is_the_apps(path), "{path}");
    }
    put(&site.path(".well-known/security.txt"), "Contact: us");
    assert_eq!(site.get("/.well-known/security.txt", "").text(), "Contact: us");
}

#[test]
fn what_is_not_a_regular_file_is_not_read() {
    let site = site();
    mkfifo(&site.path("fifo"), Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO");
    let _socket = UnixListener::bind(site.path("socket")).expect("a socket");
    for path in ["/fifo", "/socket"] {
        assert!(site.is_the_apps(path), "{path}");
    }
}
