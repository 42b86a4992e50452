//! The HTTP front end to end: raw clients, a real proxy, and backends that do what the test says.

#[path = "../support/mod.rs"]
mod support;

mod back_pressure;
mod bad_replies;
mod bodies;
mod connections;
mod expect_continue;
mod heads;
mod leaving;
mod limits;
mod refusals;
mod replies;
mod tunnels;
mod unread_bodies;
