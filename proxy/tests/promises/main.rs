//! The promises of the whole proxy, each held by a test that is named after it: a real proxy, backends that do what the
//! test says, raw clients.

#[path = "../support/mod.rs"]
mod support;

mod come_and_go;
mod cut_replies;
mod exact_dispatch;
mod hold;
mod links;
mod listening;
mod pools;
mod reload;
mod replay;
mod restarts;
mod stop;
