//! Files that the proxy serves itself: static ones, those that an app names, and pages for its own errors.

#[path = "../support/mod.rs"]
mod support;

mod compression;
mod conditions;
mod docroot;
mod error_pages;
mod precompressed;
mod secrets;
mod sendfile;

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use support::{Client, Folder, Reply, TestProxy, quick};
use swiftiply::config::{DocRoot, SiteConfig};

/// A proxy whose site has a docroot: the folder `public` of its own folder.
struct Site {
    folder: Folder,
    proxy: TestProxy,
}

impl Site {
    /// With these files, all of them changed an hour ago.
    fn with(files: &[(&str, &str)]) -> Self {
        Self::changed(files, |_, _| {})
    }

    fn changed(files: &[(&str, &str)], change: impl FnOnce(&mut SiteConfig, &mut DocRoot)) -> Self {
        let folder = Folder::new();
        fs::create_dir_all(folder.path("public")).expect("a folder in our own");
        for (name, content) in files {
            put(&folder.path("public").join(name), content);
        }
        let mut docroot = DocRoot::new(folder.path("public"));
        let proxy = quick(|config| {
            change(&mut config.sites[0], &mut docroot);
            config.sites[0].docroot = Some(Arc::new(docroot));
        });
        Self { folder, proxy }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path("public").join(name)
    }

    /// The reply to a GET with these header lines.
    fn get(&self, path: &str, headers: &str) -> Reply {
        let mut client = self.proxy.client();
        ask(&mut client, "GET", path, headers);
        client.reply()
    }

    fn head(&self, path: &str, headers: &str) -> Reply {
        let mut client = self.proxy.client();
        ask(&mut client, "HEAD", path, headers);
        let reply = client.reply_to_head();
        // Nothing follows the head but the next reply.
        client.get("/no/such/file");
        self.proxy.backend().request().reply(200, "next");
        assert_eq!(client.reply().text(), "next");
        reply
    }

    /// Whether the app is asked for this path.
    fn is_the_apps(&self, path: &str) -> bool {
        let mut client = self.proxy.client();
        client.get(path);
        let mut backend = self.proxy.backend();
        let request = backend.request();
        let is_asked_for = request.path() == path;
        request.reply(200, "from the app");
        assert_eq!(client.reply().text(), "from the app");
        is_asked_for
    }
}

fn ask(client: &mut Client, method: &str, path: &str, headers: &str) {
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: app.test\r\n{headers}\r\n"));
}

/// Writes a file that was changed an hour ago.
fn put(path: &Path, content: impl AsRef<[u8]>) {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).expect("a folder in our own");
    }
    fs::write(path, content).expect("a file in our own folder");
    set_age(path, Duration::from_secs(3600));
}

fn set_age(path: &Path, age: Duration) {
    let times = FileTimes::new().set_modified(SystemTime::now() - age);
    File::options().write(true).open(path).and_then(|file| file.set_times(times)).expect("a file of our own");
}
