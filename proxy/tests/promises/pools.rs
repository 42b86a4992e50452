//! A site's paths may belong to several pools of backends, and its names may be all below one.

use swiftiply::config::{Config, ConfigSource, PoolConfig};
use swiftiply::run::Event;

use crate::support::{Address, Backend, Dial, Folder, TestProxy, one_site};

/// One site with a pool for each prefix; the backends of `/api` dial `api.sock`, and so on.
fn site_with_pools(folder: &Folder, prefixes: &[&str]) -> Config {
    let mut config = one_site();
    let pools = prefixes.iter().map(|prefix| PoolConfig {
        prefix: prefix.parse().unwrap(),
        outgoing: vec![format!("unix:{}", socket(folder, prefix)).parse().unwrap()],
    });
    config.sites[0].pools = pools.collect();
    config
}

fn socket(folder: &Folder, prefix: &str) -> String {
    folder.path(&format!("pool{}.sock", prefix.replace('/', "-"))).display().to_string()
}

fn backend_of(proxy: &TestProxy, folder: &Folder, prefix: &str) -> Backend {
    proxy.backend_as(Dial::to(Address::Unix(socket(folder, prefix).into())))
}

#[test]
fn the_longest_prefix_gets_the_request_and_sees_the_whole_path() {
    let folder = Folder::new();
    let proxy = TestProxy::start(&site_with_pools(&folder, &["/", "/api", "/api/admin"]));
    let mut backends = ["/", "/api", "/api/admin"].map(|prefix| backend_of(&proxy, &folder, prefix));
    let mut client = proxy.client();
    for (path, pool) in [
        ("/", 0),
        ("/apis", 0),
        ("/API/x", 0),
        ("/api", 1),
        ("/api?a=/api/admin", 1),
        ("/api/a%2Fb", 1),
        ("/api/admin", 2),
        ("/api/admin/x?y", 2),
    ] {
        client.get(path);
        let request = backends[pool].request();
        let query = request.head.query().map(|query| format!("?{}", String::from_utf8_lossy(query)));
        assert_eq!(request.path() + &query.unwrap_or_default(), path);
        request.reply(200, "done");
        client.reply();
    }
    client.send("OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n");
    backends[0].request().reply(200, "done");
    client.reply();
}

#[test]
fn a_path_that_could_be_another_pools_is_refused_and_the_connection_stays() {
    let folder = Folder::new();
    let proxy = TestProxy::start(&site_with_pools(&folder, &["/", "/api"]));
    let mut backends = ["/", "/api"].map(|prefix| backend_of(&proxy, &folder, prefix));
    let mut client = proxy.client();
    for path in
        ["/%61pi", "//api", "/./api", "/x/../api", "/x/%2e%2E/api", "/x%2f..%2Fapi", "/\\api", "/api/.."]
    {
        client.get(path);
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (400, false), "{path}");
        assert!(reply.text().contains("The path could be read as that of two apps"), "{}", reply.text());
    }
    backends.iter_mut().for_each(Backend::has_no_request);
    client.get("/api");
    backends[1].request().reply(200, "done");
    client.reply();
}

#[test]
fn a_path_that_no_pool_has_is_not_found() {
    let folder = Folder::new();
    let proxy = TestProxy::start(&site_with_pools(&folder, &["/api"]));
    let mut backend = backend_of(&proxy, &folder, "/api");
    let mut client = proxy.client();
    for path in ["/", "/apis"] {
        client.get(path);
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (404, false), "{path}");
        assert!(reply.text().contains("No app of this site serves this path."), "{}", reply.text());
    }
    client.get("/api/x");
    backend.request().reply(200, "done");
    client.reply();
}

#[test]
fn each_pool_has_a_queue_and_slots_of_its_own() {
    let folder = Folder::new();
    let mut config = site_with_pools(&folder, &["/", "/api"]);
    config.sites[0].queue = 1;
    let proxy = TestProxy::start(&config);
    let mut backends = ["/", "/api"].map(|prefix| backend_of(&proxy, &folder, prefix));
    let (mut busy, mut waiting, mut turned_away, mut other) =
        (proxy.client(), proxy.client(), proxy.client(), proxy.client());
    busy.get("/api/busy");
    let running = backends[1].request();
    waiting.get("/api/waiting");
    proxy.until_site("app.test/api", "one waits", |counts| counts.is_some_and(|counts| counts.waiting == 1));
    turned_away.get("/api/more");
    assert_eq!(turned_away.reply().status, 503, "its queue is full");
    other.get("/");
    backends[0].request().reply(200, "not held up");
    assert_eq!(other.reply().text(), "not held up");
    assert_eq!(proxy.counts().waiting, 0);
    running.reply(200, "done");
    busy.reply();
    backends[1].request().reply(200, "done");
    waiting.reply();
    backends[0].has_no_request();
}

#[test]
fn a_reload_keeps_the_pools_whose_address_stays() {
    let folder = Folder::new();
    let text = |pools: &[(&str, &str)]| {
        let pools = pools.iter().map(|(prefix, at)| {
            format!("      - {{to: \"unix:{}\", prefix: \"{prefix}\"}}\n", socket(&folder, at))
        });
        format!(
            "cluster_address: 127.0.0.1\ncluster_port: 0\nshards: 1\nlog: {{access: off}}\nmap:\n  \
             - incoming: app.test\n    outgoing:\n{}",
            pools.collect::<String>()
        )
    };
    let path = folder.write("swiftiply.yml", &text(&[("/", "/"), ("/api", "/api"), ("/old", "/old")]));
    let (config, _) = Config::load(&path).unwrap();
    let source = ConfigSource { path: Some(path), ..ConfigSource::default() };
    let proxy = TestProxy::start_from(&config, source);
    let [mut root, mut api, mut old] =
        ["/", "/api", "/old"].map(|prefix| backend_of(&proxy, &folder, prefix));
    let (mut client, mut waiting, mut leaving) = (proxy.client(), proxy.client(), proxy.client());
    client.get("/api/1");
    let running = api.request();
    waiting.get("/api/2");
    proxy.until_site("app.test/api", "one waits", |counts| counts.is_some_and(|counts| counts.waiting == 1));
    leaving.get("/old/1");
    let last = old.request();

    // What served /api serves /v2 from now on; /old is gone.
    folder.write("swiftiply.yml", &text(&[("/v2", "/api"), ("/", "/")]));
    proxy.tell(Event::Reload);
    proxy.until_site("app.test/v2", "it is known", |counts| counts.is_some());
    running.reply(200, "1");
    assert_eq!(client.reply().text(), "1");
    api.request().reply(200, "2");
    assert_eq!(waiting.reply().text(), "2");
    client.get("/v2/3");
    api.request().reply(200, "3");
    assert_eq!(client.reply().text(), "3");
    client.get("/api/4");
    root.request().reply(200, "4");
    assert_eq!(client.reply().text(), "4");
    old.drained();
    last.reply(200, "finished");
    assert_eq!(leaving.reply().text(), "finished");
    api.has_not_heard("a DRAIN", |heard| matches!(heard, crate::support::Heard::Drain));
}

#[test]
fn a_wildcard_site_has_every_name_below_it_that_no_other_has() {
    let folder = Folder::new();
    let mut config = site_with_pools(&folder, &["/"]);
    config.sites[0].hosts = vec!["*.app.test".into()];
    config.sites[0].is_default = false;
    let mut exact = site_with_pools(&folder, &["/exact"]).sites.remove(0);
    exact.name = "www.app.test".into();
    exact.hosts = vec!["www.app.test".into()];
    exact.pools[0].prefix = "/".parse().unwrap();
    exact.is_default = false;
    config.sites.push(exact);
    let proxy = TestProxy::start(&config);
    let mut backends = ["/", "/exact"].map(|prefix| backend_of(&proxy, &folder, prefix));
    let mut client = proxy.client();
    for (host, site) in [
        ("a.app.test", Some(0)),
        ("B.A.App.Test.:80", Some(0)),
        ("www.app.test", Some(1)),
        ("app.test", None),
    ] {
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        if let Some(site) = site {
            let request = backends[site].request();
            assert_eq!(request.authority(), host);
            request.reply(200, "done");
        }
        assert_eq!(client.reply().status, if site.is_some() { 200 } else { 404 }, "{host}");
    }
}
