//! The Swiftiply connector for Node: what `swiftiply-node` loads as its native half.
//!
//! One class, `Connector`, over the core's `LoopConnector`. Node's own loop watches the connector's descriptor (`uv`), and
//! each turn's events reach JavaScript as one flat array in one call (`events`). JavaScript names an exchange by its
//! number and gives its half back through `request` and `reply`. What all of it means to an app is JavaScript's
//! business, in `adapters/node/lib`; the shapes are described there in `native.js`.

mod connector;
mod errors;
mod events;
mod notice;
mod options;
mod reply;
mod request;
mod upgrade;
mod uv;
