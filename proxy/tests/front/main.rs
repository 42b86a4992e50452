//! The HTTP front end to end: raw clients, a real proxy, and backends that do what the test says.

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod connections;
mod expect_continue;
mod replies;
mod unread_bodies;
