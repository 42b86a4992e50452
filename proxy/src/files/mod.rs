//! Files that the proxy serves itself: static ones beneath a site's `docroot`, and those that an app has sent by
//! `X-Sendfile` from beneath `sendfileroot`.
//!
//! | step | where |
//! |---|---|
//! | which path does the URL, or the app's header, mean? | `path` |
//! | is a regular file there, beneath the root? | `beneath` |
//! | what is it, and in which state? | `kind`, `etag` |
//! | which of several files, in which coding? Which one does the app mean? | `find`, `named` |
//! | does the client want it, all of it or a part? | `conditions`, `range` |
//! | the reply's head | `reply` |
//! | its body, piece by piece | `source` |
//!
//! What the system has in memory, names and content alike, is looked up and read by the shard itself; only what is on a
//! disk goes to a thread that may wait.

mod beneath;
mod conditions;
mod etag;
mod find;
mod kind;
mod named;
mod path;
mod range;
mod reply;
mod source;

pub use beneath::{Effort, Opened};
pub use find::{Found, NeedsDisk, find};
pub use kind::{is_compressible, of as content_type};
pub use named::find_named;
pub use path::{Naming, Wanted};
pub use reply::FileReply;
pub use source::Source;
