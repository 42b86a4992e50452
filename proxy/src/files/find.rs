//! Which file answers a URL.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::beneath::{self, Effort, Opened, Unopened};
use super::kind;
use super::path::Wanted;
use crate::compress::{Accepted, Coding};
use crate::config::DocRoot;

/// The file of a folder.
const INDEX: &str = "index.html";

/// Codings in which a file may stand beside itself, made before, by the endings of their names.
const SIBLINGS: [(Coding, &str); 2] = [(Coding::Brotli, ".br"), (Coding::Gzip, ".gz")];

/// A file that answers a URL.
#[derive(Debug)]
pub struct Found {
    /// It, or the same in another coding.
    pub opened: Opened,
    /// Where it is.
    pub path: PathBuf,
    /// Its Content-Type.
    pub content_type: String,
    /// The coding that this is, if it stood there in one that the client prefers.
    pub coding: Option<Coding>,
    /// Whether other clients may get it in another coding.
    pub varies: bool,
}

/// The answer is on a disk; ask again with [`Effort::Any`].
#[derive(Debug, PartialEq, Eq)]
pub struct NeedsDisk;

/// The file for this URL, in the coding that the client likes best of those that are there. None: the app's to answer.
///
/// # Errors
/// [`NeedsDisk`] if the effort does not suffice.
pub fn find(
    root: &DocRoot,
    wanted: &Wanted,
    accepted: &Accepted,
    effort: Effort,
) -> Result<Option<Found>, NeedsDisk> {
    for path in candidates(root, wanted) {
        let Some(opened) = open_beneath(&root.folder, &path, effort)? else { continue };
        let full = root.folder.join(&path);
        if root.mask.as_ref().is_some_and(|mask| mask.hides(&full)) {
            return Ok(None);
        }
        let content_type = kind::of(&path);
        let plain = Found { opened, path: full, content_type, coding: None, varies: false };
        return with_siblings(root, &path, plain, accepted, effort).map(Some);
    }
    Ok(None)
}

/// The paths that may answer, in their order: the file itself, or the index of a folder; then, in a page cache, the page.
fn candidates(root: &DocRoot, wanted: &Wanted) -> impl Iterator<Item = PathBuf> {
    let named = if wanted.is_folder { wanted.path.join(INDEX) } else { wanted.path.clone() };
    let cached = root.page_cache.iter().flat_map(|cache| {
        let page = cache.folder.join(&wanted.path);
        let exact = if wanted.is_folder { page.join(INDEX) } else { page.clone() };
        let is_page = !wanted.path.as_os_str().is_empty();
        let with_extension = cache.extensions.iter().filter(move |_| is_page);
        std::iter::once(exact)
            .chain(with_extension.map(move |extension| with_ending(&page, &format!(".{extension}"))))
    });
    std::iter::once(named).chain(cached)
}

/// The file at this path beneath a root. Something that is there and cannot be given out is as good as nothing, but
/// whoever put it there wants to know why.
pub(super) fn open_beneath(root: &Path, path: &Path, effort: Effort) -> Result<Option<Opened>, NeedsDisk> {
    match beneath::open(root, path, effort) {
        Ok(opened) => Ok(Some(opened)),
        Err(Unopened::Absent) => Ok(None),
        Err(Unopened::NeedsDisk) => Err(NeedsDisk),
        Err(Unopened::Refused(cause)) => {
            tracing::warn!("{} is not served: {cause}", root.join(path).display());
            Ok(None)
        }
    }
}

/// Looks for the file in other codings. One that is older than the file is of another state of it, and left alone.
fn with_siblings(
    root: &DocRoot,
    path: &Path,
    mut plain: Found,
    accepted: &Accepted,
    effort: Effort,
) -> Result<Found, NeedsDisk> {
    if !kind::is_compressible(plain.content_type.as_bytes()) {
        return Ok(plain);
    }
    let mut siblings = Vec::new();
    for (coding, ending) in SIBLINGS {
        let sibling = open_beneath(&root.folder, &with_ending(path, ending), effort)?;
        siblings.extend(
            sibling.filter(|sibling| is_fresh(sibling, &plain.opened)).map(|opened| (coding, opened)),
        );
    }
    plain.varies = !siblings.is_empty();
    let codings: Vec<_> = siblings.iter().map(|(coding, _)| *coding).collect();
    let Some(best) = accepted.best(&codings) else { return Ok(plain) };
    let chosen = siblings.into_iter().find(|(coding, _)| *coding == best).map(|(_, opened)| opened);
    Ok(match chosen {
        Some(opened) => Found { opened, coding: Some(best), ..plain },
        None => plain,
    })
}

/// In whole seconds: what copies files does not always keep more.
fn is_fresh(sibling: &Opened, plain: &Opened) -> bool {
    let seconds = |opened: &Opened| {
        let modified = opened.metadata.modified().ok()?;
        modified.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
    };
    seconds(sibling) >= seconds(plain)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PageCache;

    fn all(root: &DocRoot, url: &str) -> Vec<String> {
        let wanted = Wanted::of_url(url).expect("a path");
        candidates(root, &wanted).map(|path| path.to_str().expect("UTF-8").to_owned()).collect()
    }

    #[test]
    fn a_folder_is_its_index() {
        let root = DocRoot::new("/srv");
        assert_eq!(all(&root, "/"), ["index.html"]);
        assert_eq!(all(&root, "/a/"), ["a/index.html"]);
        assert_eq!(all(&root, "/a"), ["a"]);
    }

    #[test]
    fn pages_that_the_app_wrote_down_come_after_files() {
        let mut root = DocRoot::new("/srv");
        root.page_cache = Some(PageCache {
            folder: "cached".into(),
            extensions: vec!["html".to_owned(), "xml".to_owned()],
        });
        assert_eq!(all(&root, "/a.b"), ["a.b", "cached/a.b", "cached/a.b.html", "cached/a.b.xml"]);
        assert_eq!(all(&root, "/"), ["index.html", "cached/index.html"]);
        assert_eq!(
            all(&root, "/a/"),
            ["a/index.html", "cached/a/index.html", "cached/a.html", "cached/a.xml"]
        );
    }
}
