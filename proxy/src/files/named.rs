//! Which file an app means.

use std::fs;
use std::path::{Path, PathBuf};

use super::beneath::{Effort, Opened};
use super::find::{NeedsDisk, open_beneath};

/// The file that this path means, beneath the root in any case: from the root itself (as in Swiftiply 0.6), or in full
/// (as Rack, Django and Flask write it), also where the app knows the root without its symbolic links. None if it is not
/// there.
///
/// # Errors
/// [`NeedsDisk`] if the effort does not suffice.
pub fn find_named(root: &Path, path: &Path, effort: Effort) -> Result<Option<(Opened, PathBuf)>, NeedsDisk> {
    let full = Path::new("/").join(path);
    if let Some(found) = open(root, full.strip_prefix(root).unwrap_or(path), effort)? {
        return Ok(Some(found));
    }
    if effort == Effort::InMemory {
        return Err(NeedsDisk);
    }
    let real_root = fs::canonicalize(root).ok();
    match real_root.and_then(|real| full.strip_prefix(real).ok().map(Path::to_owned)) {
        Some(beneath) => open(root, &beneath, effort),
        None => Ok(None),
    }
}

fn open(root: &Path, path: &Path, effort: Effort) -> Result<Option<(Opened, PathBuf)>, NeedsDisk> {
    Ok(open_beneath(root, path, effort)?.map(|opened| (opened, root.join(path))))
}
