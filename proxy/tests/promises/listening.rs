//! Where backends dial in and clients connect: ports, and Unix sockets.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use swiftiply::config::{Config, Outgoing};
use swiftiply::run::Proxy;

use crate::support::{Folder, TestProxy, one_site};

fn over_unix(path: &Path) -> Config {
    let mut config = one_site();
    config.sites[0].pools[0].outgoing = vec![Outgoing::Unix(path.to_owned())];
    config
}

fn fault(config: &Config) -> String {
    Proxy::bind(config).expect_err("it cannot be bound").to_string()
}

#[test]
fn backends_dial_a_unix_socket_that_only_owner_and_group_may_use_and_that_goes_with_the_proxy() {
    let folder = Folder::new();
    let path = folder.path("app.sock");
    let proxy = TestProxy::start(&over_unix(&path));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "{mode:o}");
    let mut backend = proxy.backend();
    let mut client = proxy.client();
    client.get("/");
    backend.request().reply(200, "done");
    assert_eq!(client.reply().text(), "done");
    drop(proxy);
    assert!(!path.exists());
}

#[test]
fn one_site_may_be_dialled_at_several_addresses() {
    let folder = Folder::new();
    let mut config = one_site();
    config.sites[0].pools[0].outgoing.push(Outgoing::Unix(folder.path("app.sock")));
    let proxy = TestProxy::start(&config);
    let mut over_tcp = proxy.backend();
    let mut over_unix = proxy.backend_as(crate::support::Dial::to(proxy.doors[1].clone()));
    let mut clients = [proxy.client(), proxy.client()];
    clients.iter_mut().for_each(|client| client.get("/"));
    over_tcp.request().reply(200, "done");
    over_unix.request().reply(200, "done");
    clients.iter_mut().for_each(|client| assert_eq!(client.reply().text(), "done"));
}

#[test]
fn a_stale_socket_file_is_replaced() {
    let folder = Folder::new();
    let path = folder.path("app.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "its process died without removing it");
    let proxy = TestProxy::start(&over_unix(&path));
    proxy.backend();
}

#[test]
fn a_socket_that_another_process_serves_is_left_alone() {
    let folder = Folder::new();
    let path = folder.path("app.sock");
    let _other = UnixListener::bind(&path).unwrap();
    let fault = fault(&over_unix(&path));
    assert!(fault.contains("app.sock") && fault.contains("another process listens there"), "{fault}");
    assert!(path.exists());
}

#[test]
fn a_file_that_is_no_socket_is_never_removed() {
    let folder = Folder::new();
    let path = folder.write("app.sock", "somebody's notes");
    let fault = fault(&over_unix(&path));
    assert!(fault.contains("it is not a socket"), "{fault}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's notes");
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_it() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let mut taken_by_clients = one_site();
    taken_by_clients.listen = vec![address.parse().unwrap()];
    let mut taken_by_backends = one_site();
    taken_by_backends.sites[0].pools[0].outgoing = vec![address.parse().unwrap()];
    for config in [taken_by_clients, taken_by_backends] {
        let fault = fault(&config);
        assert!(fault.contains(&address) && fault.contains("another process listens there"), "{fault}");
    }
}

#[test]
fn another_proxy_on_the_same_port_is_noticed_although_its_shards_share_it() {
    let first = TestProxy::start(&one_site());
    let mut second = one_site();
    second.shards = 2;
    second.listen = vec![first.clients.to_string().parse().unwrap()];
    assert!(fault(&second).contains("another process listens there"));
}
