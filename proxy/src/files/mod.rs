//! Files that the proxy serves itself: static ones beneath a site's `docroot`, and those that an app has sent by
//! `X-Sendfile` from beneath `sendfileroot`.
//!
//! | step | where |
//! |---|---|
//! | which path does the URL, or the app's header, mean? | `path` |
//! | is a regular file there, beneath the root? | `beneath` |
//! | what is it, and in which state? | `kind`, `etag` |
//! | does the client want it, all of it or a part? | `conditions`, `range` |
//!
//! What the system has in memory, names and content alike, is looked up and read by the shard itself; only what is on a
//! disk goes to a thread that may wait.

mod beneath;
mod conditions;
mod etag;
mod kind;
mod path;
mod range;

pub use kind::{is_compressible, of as content_type};
