//! What a site serves by itself: files, pages for its errors, and compressed replies.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use regex_lite::Regex;

use super::error::{ConfigError, Fault, Hint, plain};
use super::read::read_path;
use super::section::Field;
use super::warnings::Warnings;
use crate::compress::Coding;
use crate::files::content_type;

/// A site's keys about files, those that may also stand in `defaults` or at the top level.
pub(super) const KEYS: &[&str] = &[
    "docroot",
    "staticmask",
    "cache_extensions",
    "cache_directory",
    "expires",
    "sendfileroot",
    "error_pages",
    "compress",
];

/// Where static files are, and which of them are served: `docroot` and the keys that go with it.
#[derive(Clone, Debug, PartialEq)]
pub struct DocRoot {
    /// `docroot`: the folder.
    pub folder: PathBuf,
    /// `staticmask`: files that the app serves although they are there.
    pub mask: Option<Mask>,
    /// `cache_extensions` and `cache_directory`: pages that the app has written down.
    pub page_cache: Option<PageCache>,
    /// `expires`: how long a client may use a file without asking again (`Cache-Control: max-age`). None by default:
    /// then it asks each time, and mostly hears 304.
    pub max_age: Option<Duration>,
}

impl DocRoot {
    /// All files of this folder, and nothing else.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), mask: None, page_cache: None, max_age: None }
    }
}

/// Where the files are that an app may have sent by naming them: `sendfileroot`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendfileRoot {
    /// The folder.
    pub folder: PathBuf,
    /// What tells `Rack::Sendfile` how its own paths become URLs for X-Accel-Redirect: `/srv/private/=/`. None for a
    /// folder whose name cannot be said so.
    pub mapping: Option<String>,
}

impl SendfileRoot {
    /// This folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        let name = folder.to_str().map(|name| name.trim_end_matches('/'));
        let is_sayable = |name: &&str| {
            name.starts_with('/')
                && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"=,".contains(&byte))
        };
        let mapping = name.filter(is_sayable).map(|name| format!("{name}/=/"));
        Self { folder, mapping }
    }
}

/// A page cache as Rails has it: `/about` is the file `CACHE_DIRECTORY/about.html` beneath the docroot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageCache {
    /// `cache_directory`, relative to the docroot; `public` by default, as in Swiftiply 0.6.
    pub folder: PathBuf,
    /// `cache_extensions`, without their dots; `html` by default.
    pub extensions: Vec<String>,
}

/// A regular expression for the full paths of files.
#[derive(Clone, Debug)]
pub struct Mask(Regex);

impl Mask {
    /// Whether it finds something in this path.
    pub fn hides(&self, path: &Path) -> bool {
        self.0.is_match(&path.to_string_lossy())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

/// `error_pages`: what clients see instead of our own plain sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorPages(Vec<(u16, Arc<Page>)>);

/// A page, read when the configuration is.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Where it came from.
    pub file: PathBuf,
    /// By the file's name.
    pub content_type: String,
    /// All of it.
    pub body: Vec<u8>,
}

impl ErrorPages {
    /// Bytes of one page: it is kept in memory, and written for every client that a broken site has.
    pub const BYTES_MAX: u64 = 256 * 1024;

    /// The statuses that are the proxy's own to give for a site: no such site or file, no reply, no free process.
    const STATUSES: &[&str] = &["404", "502", "503"];

    /// The page for this status, if there is one.
    pub fn get(&self, status: u16) -> Option<&Arc<Page>> {
        self.0.iter().find(|(of, _)| *of == status).map(|(_, page)| page)
    }

    /// All of them, with their statuses.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &Page)> {
        self.0.iter().map(|(status, page)| (*status, &**page))
    }

    pub(super) fn read(field: &Field, folder: &Path) -> Result<Self, ConfigError> {
        let mut pages = Vec::new();
        for field in field.section()?.fields() {
            let is_known = Self::STATUSES.contains(&field.key());
            let status = field.key().parse().ok().filter(|_| is_known);
            let unknown = || field.fault(Fault::UnknownKey { hint: Hint::Known(Self::STATUSES) });
            let status = status.ok_or_else(unknown)?;
            pages.push((status, Arc::new(read_page(&field, folder)?)));
        }
        Ok(Self(pages))
    }
}

/// A folder, or `off`. One that is not there yet may come with the first deploy.
pub(super) fn read_folder(
    field: &Field,
    folder: &Path,
    warnings: &mut Warnings,
) -> Result<Option<PathBuf>, ConfigError> {
    if field.as_boolean() == Some(false) {
        return Ok(None);
    }
    let path = read_path(field, folder, "the path of a folder, or off")?;
    if !path.is_dir() {
        warnings.add(field, "there is no such folder; until there is, nothing is served from it");
    }
    Ok(Some(path))
}

pub(super) fn read_mask(field: &Field) -> Result<Mask, ConfigError> {
    let text = field.text("a regular expression, like \\.php$")?;
    let wanted = |cause| format!("a regular expression without look-around, like \\.php$ ({cause})");
    Regex::new(text).map(Mask).map_err(|cause| field.wrong(&wanted(cause)))
}

/// `cache_extensions` and `cache_directory`, either of which turns the page cache on.
pub(super) fn read_page_cache(
    extensions: Option<Field>,
    folder: Option<Field>,
) -> Result<Option<PageCache>, ConfigError> {
    if extensions.is_none() && folder.is_none() {
        return Ok(None);
    }
    let mut cache = PageCache { folder: "public".into(), extensions: vec!["html".to_owned()] };
    if let Some(field) = folder {
        let wanted = "a folder beneath the docroot, like public";
        cache.folder = field.text(wanted)?.trim_matches('/').into();
        let is_plain = |part| matches!(part, std::path::Component::Normal(_));
        if !cache.folder.components().all(is_plain) {
            return Err(field.wrong(wanted));
        }
    }
    if let Some(field) = extensions {
        let extension = |item: &Field| {
            let wanted = "an extension, like html";
            let text = item.text(wanted)?.trim_start_matches('.');
            if text.is_empty() || text.contains('/') { Err(item.wrong(wanted)) } else { Ok(text.to_owned()) }
        };
        cache.extensions = field.items().iter().map(extension).collect::<Result<_, _>>()?;
    }
    Ok(Some(cache))
}

/// A time, or `off`.
pub(super) fn read_expires(field: &Field) -> Result<Option<Duration>, ConfigError> {
    const TEN_YEARS: Duration = Duration::from_secs(3650 * 86_400);
    if field.as_boolean() == Some(false) {
        return Ok(None);
    }
    field.duration(Duration::ZERO..=TEN_YEARS).map(Some)
}

/// `true` for every coding, `false` for none, or a list of them, the preferred first.
pub(super) fn read_compress(field: &Field) -> Result<Vec<Coding>, ConfigError> {
    match field.as_boolean() {
        Some(true) => return Ok(Coding::ALL.to_vec()),
        Some(false) => return Ok(Vec::new()),
        None => {}
    }
    let coding = |item: &Field| {
        let wanted = "true, false, or a list of gzip, br and zstd";
        Coding::of(item.text(wanted)?.as_bytes()).ok_or_else(|| item.wrong(wanted))
    };
    field.items().iter().map(coding).collect()
}

fn read_page(field: &Field, folder: &Path) -> Result<Page, ConfigError> {
    let file = read_path(field, folder, "the path of a file")?;
    let fault = |cause: String| field.fault(Fault::ErrorPage { file: file.clone(), cause });
    let unreadable = |cause| fault(format!("cannot be read ({})", plain(&cause)));
    let metadata = fs::metadata(&file).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(fault("is not a regular file".to_owned()));
    }
    if metadata.len() > ErrorPages::BYTES_MAX {
        return Err(fault(format!("is longer than {} bytes", ErrorPages::BYTES_MAX)));
    }
    let body = fs::read(&file).map_err(unreadable)?;
    if body.is_empty() {
        return Err(fault("is empty".to_owned()));
    }
    Ok(Page { content_type: content_type(&file), file, body })
}
