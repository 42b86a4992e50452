//! A real proxy in this process, on ports that the system chooses.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use swiftiply::config::{Config, ConfigSource, Outgoing, SiteConfig};
use swiftiply::run::{Bound, Event, Proxy, Running};
use swiftiply::site::Counts;

use super::socket::Address;
use super::{Backend, Client, Dial, PATIENCE};

/// One site, `app.test`, which is also the default; one shard. Pings are so rare that no test sees one by chance.
pub fn one_site() -> Config {
    let mut site = SiteConfig::new("app.test", "127.0.0.1:0".parse().expect("an address"));
    site.is_default = true;
    let mut config = Config::new(vec!["127.0.0.1:0".parse().expect("an address")], vec![site]);
    config.shards = 1;
    config.ping_interval = 10 * PATIENCE;
    config.drain_timeout = PATIENCE;
    config
}

/// The same, changed.
pub fn quick(change: impl FnOnce(&mut Config)) -> TestProxy {
    let mut config = one_site();
    change(&mut config);
    TestProxy::start(&config)
}

/// Waits until no client can connect any more.
pub fn until_refused(proxy: &TestProxy) {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(proxy.clients).is_ok() {
        assert!(Instant::now() < until, "clients are still taken");
        thread::yield_now();
    }
}

fn bind(config: &Config) -> Bound {
    Proxy::bind(config).unwrap_or_else(|error| panic!("{error}"))
}

/// A running proxy, stopped when it is dropped.
pub struct TestProxy {
    running: Option<Running>,
    pub clients: SocketAddr,
    /// The same for each address that is listened on.
    pub all_clients: Vec<SocketAddr>,
    pub doors: Vec<Address>,
}

impl TestProxy {
    pub fn start(config: &Config) -> Self {
        Self::start_from(config, ConfigSource::default())
    }

    /// One that believes to have allocated so many bytes.
    pub fn start_counting(config: &Config, allocated: fn() -> usize) -> Self {
        Self::start_bound(config, bind(config).counting_memory(allocated), ConfigSource::default())
    }

    /// One that would read its configuration again from there.
    pub fn start_from(config: &Config, source: ConfigSource) -> Self {
        Self::start_bound(config, bind(config), source)
    }

    fn start_bound(config: &Config, bound: Bound, source: ConfigSource) -> Self {
        let all_clients = bound.client_addresses();
        let clients = all_clients[0];
        let mut tcp = bound.backend_addresses().into_iter();
        let doors = config.sites.iter().flat_map(SiteConfig::outgoing).map(|outgoing| match outgoing {
            Outgoing::Tcp(_) => Address::Tcp(tcp.next().expect("an address for each")),
            Outgoing::Unix(path) => Address::Unix(path.clone()),
        });
        let doors = doors.collect();
        let running = bound.spawn(source).expect("a thread");
        Self { running: Some(running), clients, all_clients, doors }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.clients)
    }

    /// A backend of one slot.
    pub fn backend(&self) -> Backend {
        self.backend_with_slots(1)
    }

    pub fn backend_with_slots(&self, slots: u16) -> Backend {
        self.backend_as(Dial { slots, ..self.dial() })
    }

    /// A backend that is in service when this returns.
    pub fn backend_as(&self, dial: Dial) -> Backend {
        let mut backend = Backend::dial(dial).unwrap_or_else(|error| panic!("{error:?}"));
        // A link answers once it is in use.
        backend.round_trip();
        backend
    }

    /// How a backend of the first site dials.
    pub fn dial(&self) -> Dial {
        Dial::to(self.doors[0].clone())
    }

    pub fn counts(&self) -> Counts {
        self.counts_of("app.test").unwrap_or_default()
    }

    pub fn counts_of(&self, site: &str) -> Option<Counts> {
        self.running().counts(site)
    }

    /// Waits until the first site stands so.
    pub fn until(&self, what: &str, mut is_so: impl FnMut(&Counts) -> bool) {
        self.until_site("app.test", what, |counts| counts.is_some_and(|counts| is_so(&counts)));
    }

    /// Waits until that site stands so.
    pub fn until_site(&self, site: &str, what: &str, mut is_so: impl FnMut(Option<Counts>) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so(self.counts_of(site)) {
            assert!(Instant::now() < until, "not so: {what}; {:?}", self.counts_of(site));
            // Not a guess at how long it takes: only a pause between two looks.
            thread::sleep(Duration::from_micros(200));
        }
    }

    pub fn until_waiting(&self, waiting: usize) {
        self.until(&format!("{waiting} requests wait"), |counts| counts.waiting == waiting);
    }

    pub fn tell(&self, event: Event) {
        self.running().tell(event);
    }

    /// Waits for the end of a proxy that was told to stop.
    pub fn join(mut self) {
        self.running.take().expect("a running proxy").join().expect("an orderly end");
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("a running proxy")
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.tell(Event::Stop);
            running.tell(Event::Stop);
            let ended = running.join();
            assert!(thread::panicking() || ended.is_ok(), "{ended:?}");
        }
    }
}

/// A folder of this test's own, removed when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("swiftiply-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for temporary files");
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file that only its owner may read.
    pub fn write_secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a file of our own");
        path
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file in our own folder");
        path
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
