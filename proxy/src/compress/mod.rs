//! Compression of replies on their way to the client, where a site wants it (`compress`).
//!
//! | step | where |
//! |---|---|
//! | which coding does this client like best? | [`Accepted`] |
//! | may this reply be compressed, and must a cache know of it? | [`decide`] |
//! | its head then | [`edit`] |
//! | bytes in, fewer bytes out | [`Encoder`] |

mod decide;
mod edit;
mod encoder;
mod negotiate;

pub use decide::{Plan, decide};
pub use edit::edit;
pub use encoder::Encoder;
pub use negotiate::{Accepted, Coding};
