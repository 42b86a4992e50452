//! A reload is atomic, loses nothing, and keeps the old configuration if the new one is bad.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use swiftiply::config::{Config, ConfigSource};
use swiftiply::run::Event;

use crate::support::{Address, Backend, Client, Dial, Folder, Socket, TestProxy, until_refused};

/// A proxy whose configuration is a file that the test writes anew. Site `app.test` dials `app.sock`, and so on.
struct Reloading {
    folder: Folder,
    proxy: TestProxy,
}

impl Reloading {
    fn start(entries: &str) -> Self {
        let folder = Folder::new();
        let path = folder.write("swiftiply.yml", &text(&folder, entries));
        let (config, _) = Config::load(&path).unwrap();
        let source = ConfigSource { path: Some(path), ..ConfigSource::default() };
        let proxy = TestProxy::start_from(&config, source);
        Self { folder, proxy }
    }

    fn reload(&self, entries: &str) {
        self.reload_text(&text(&self.folder, entries));
    }

    fn reload_text(&self, text: &str) {
        self.folder.write("swiftiply.yml", text);
        self.proxy.tell(Event::Reload);
    }

    fn door(&self, name: &str) -> PathBuf {
        self.folder.path(&format!("{name}.sock"))
    }

    fn backend_of(&self, name: &str) -> Backend {
        self.proxy.backend_as(Dial::to(Address::Unix(self.door(name))))
    }

    fn until_known(&self, site: &str) {
        self.proxy.until_site(site, "it is known", |counts| counts.is_some());
    }

    fn until_gone(&self, site: &str) {
        self.proxy.until_site(site, "it is gone", |counts| counts.is_none());
    }
}

/// Each entry is `name` or `name key: value`; further lines of an entry are indented by the caller.
fn text(folder: &Folder, entries: &str) -> String {
    let mut text =
        "cluster_address: 127.0.0.1\ncluster_port: 0\nshards: 1\nlog: {access: off}\nmap:\n".to_owned();
    for entry in entries.split(", ") {
        let (name, rest) = entry.split_once(' ').unwrap_or((entry, ""));
        let door = folder.path(&format!("{name}.sock"));
        text += &format!("  - incoming: {name}.test\n    outgoing: unix:{}\n    {rest}\n", door.display());
    }
    text
}

fn get(client: &mut Client, site: &str) {
    client.send(format!("GET / HTTP/1.1\r\nHost: {site}.test\r\n\r\n"));
}

#[test]
fn a_reload_adds_a_site_and_leaves_the_others_alone() {
    let it = Reloading::start("app");
    let mut old = it.backend_of("app");
    let mut client = it.proxy.client();
    get(&mut client, "app");
    let running = old.request();

    it.reload("app, new");
    it.until_known("new.test");
    let mut new = it.backend_of("new");
    let mut second = it.proxy.client();
    get(&mut second, "new");
    new.request().reply(200, "new");
    assert_eq!(second.reply().text(), "new");

    running.reply(200, "old");
    assert_eq!(client.reply().text(), "old");
    get(&mut client, "app");
    old.request().reply(200, "old");
    client.reply();
}

#[test]
fn a_removed_site_finishes_what_it_has_and_turns_away_what_waits() {
    let it = Reloading::start("app, gone");
    let mut backend = it.backend_of("gone");
    let (mut first, mut second) = (it.proxy.client(), it.proxy.client());
    get(&mut first, "gone");
    let running = backend.request();
    get(&mut second, "gone");
    it.proxy.until_site("gone.test", "one waits", |counts| counts.is_some_and(|counts| counts.waiting == 1));

    it.reload("app");
    it.until_gone("gone.test");
    let turned_away = second.reply();
    assert_eq!(turned_away.status, 503);
    assert!(turned_away.text().contains("This site has been removed."), "{}", turned_away.text());
    backend.drained();
    running.reply(200, "finished");
    assert_eq!(first.reply().text(), "finished");
    get(&mut first, "gone");
    assert_eq!(first.reply().status, 404);
    assert!(Socket::connect(&Address::Unix(it.door("gone"))).is_err(), "its door is closed");
    backend.say_goodbye();
    backend.closed();
}

#[test]
fn a_site_whose_host_changes_keeps_its_backends_and_its_queue() {
    let it = Reloading::start("app");
    let mut backend = it.backend_of("app");
    let mut client = it.proxy.client();
    get(&mut client, "app");
    let running = backend.request();
    let mut waiting = it.proxy.client();
    get(&mut waiting, "app");
    it.proxy.until_waiting(1);

    let renamed = text(&it.folder, "app").replace("incoming: app.test", "incoming: renamed.test");
    it.reload_text(&renamed);
    it.until_known("renamed.test");
    running.reply(200, "done");
    client.reply();
    backend.request().reply(200, "done");
    waiting.reply();
    get(&mut client, "renamed");
    backend.request().reply(200, "by its new name");
    assert_eq!(client.reply().text(), "by its new name");
    get(&mut client, "app");
    assert_eq!(client.reply().status, 404);
}

#[test]
fn a_changed_setting_holds_for_the_next_request() {
    let it = Reloading::start("app timeout: 60");
    let mut patient = it.proxy.client();
    get(&mut patient, "app");
    it.proxy.until_waiting(1);
    it.reload("app queue: 1, new");
    it.until_known("new.test");
    let mut late = it.proxy.client();
    get(&mut late, "app");
    assert_eq!(late.reply().status, 503, "the queue is full now");
    it.backend_of("app").request().reply(200, "done");
    assert_eq!(patient.reply().status, 200);
}

#[test]
fn a_changed_key_is_asked_of_the_next_link() {
    let it = Reloading::start("app");
    let mut old = it.backend_of("app");
    it.reload("app key: correct-horse, new");
    it.until_known("new.test");
    assert!(Backend::dial(Dial::to(Address::Unix(it.door("app")))).is_err());
    let dial = Dial { key: Some(b"correct-horse".to_vec()), ..Dial::to(Address::Unix(it.door("app"))) };
    it.proxy.backend_as(dial);
    old.has_not_heard("a word about it", |heard| !matches!(heard, crate::support::Heard::Pong(_)));
}

#[test]
fn an_entry_that_is_split_makes_two_sites_with_backends_of_their_own() {
    let one = |folder: &Folder| {
        let (app, other) = (folder.path("app.sock"), folder.path("other.sock"));
        let text = text(folder, "app");
        text.replace(
            &format!("unix:{}", app.display()),
            &format!("[unix:{}, unix:{}]", app.display(), other.display()),
        )
    };
    let it = Reloading::start("app");
    it.reload_text(&(one(&it.folder) + "    queue: 1\n"));
    it.proxy.until("both doors are open", |_| Socket::connect(&Address::Unix(it.door("other"))).is_ok());
    let mut old = it.backend_of("app");
    it.reload("app, other");
    it.until_known("other.test");
    let mut client = it.proxy.client();
    get(&mut client, "other");
    it.proxy.until_site("other.test", "one waits", |counts| counts.is_some_and(|counts| counts.waiting == 1));
    old.has_no_request();
    it.backend_of("other").request().reply(200, "other");
    assert_eq!(client.reply().text(), "other");
}

#[test]
fn an_address_that_is_removed_takes_no_more_clients_and_keeps_those_it_has() {
    let it = Reloading::start("app");
    let two = text(&it.folder, "app, marker").replace("127.0.0.1", "[127.0.0.1, 127.0.0.2]");
    it.reload_text(&two);
    it.until_known("marker.test");
    let (mut backend, mut client) = (it.backend_of("app"), it.proxy.client());
    get(&mut client, "app");
    backend.request().reply(200, "before");
    client.reply();
    it.reload_text(&text(&it.folder, "app").replace("127.0.0.1", "127.0.0.2"));
    it.until_gone("marker.test");
    until_refused(&it.proxy);
    get(&mut client, "app");
    backend.request().reply(200, "after");
    assert_eq!(client.reply().text(), "after");
}

#[test]
fn a_bad_file_changes_nothing() {
    let it = Reloading::start("app");
    let mut backend = it.backend_of("app");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let unreadable = "cluster_address: [".to_owned();
    let unknown_key = text(&it.folder, "other") + "nonsense: 1\n";
    let port_in_use = text(&it.folder, "other").replace("cluster_port: 0", &format!("cluster_port: {port}"));
    for (number, bad) in [unreadable, unknown_key, port_in_use].into_iter().enumerate() {
        it.reload_text(&bad);
        // The next good one tells us that the bad one has been read.
        let (new, old) = (format!("good{number}.test"), format!("good{}.test", number.wrapping_sub(1)));
        it.reload(&format!("app, good{number}"));
        it.until_known(&new);
        assert!(it.proxy.counts_of(&old).is_none());
        assert!(it.proxy.counts_of("other.test").is_none());
        backend.has_not_heard("a DRAIN", |heard| matches!(heard, crate::support::Heard::Drain));
    }
    let mut client = it.proxy.client();
    get(&mut client, "app");
    backend.request().reply(200, "done");
    client.reply();
}

#[test]
fn twenty_reloads_under_load_fail_no_request() {
    let it = Reloading::start("app");
    let mut backend = it.backend_of("app");
    let (is_over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let until_served_more = || {
        let before = served.load(Ordering::SeqCst);
        it.proxy.until("a request was served", |_| served.load(Ordering::SeqCst) > before);
    };
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut client = it.proxy.client();
            while !is_over.load(Ordering::SeqCst) {
                get(&mut client, "app");
                assert_eq!(client.reply().status, 200);
                served.fetch_add(1, Ordering::SeqCst);
            }
            client.send("GET /last HTTP/1.1\r\nHost: app.test\r\n\r\n");
            client.reply();
        });
        scope.spawn(move || {
            loop {
                let request = backend.request();
                request.reply(200, "done");
                if request.path() == "/last" {
                    return;
                }
            }
        });
        for _ in 0..10 {
            it.reload("app, other");
            it.until_known("other.test");
            until_served_more();
            it.reload("app");
            it.until_gone("other.test");
            until_served_more();
        }
        is_over.store(true, Ordering::SeqCst);
        load.join().unwrap();
    });
}
