//! `Connector`: what JavaScript holds, and the exchanges that it names by number.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use napi::Env;
use napi::bindgen_prelude::{Function, FunctionRef};
use napi_derive::napi;
use swiftiply_connector::{Event, LoopConnector, RawReply, Reply, Request};

use crate::errors::{self, Result};
use crate::events;
use crate::options::ConnectorOptions;
use crate::uv::{self, Watch};

/// The links of one backend, on Node's own loop.
#[napi]
pub struct Connector {
    pub(crate) links: Rc<Links>,
}

#[napi]
impl Connector {
    /// Begins to dial. `turn` is called with each turn's events.
    #[napi(constructor)]
    pub fn new(env: Env, options: ConnectorOptions, turn: Function<(), ()>) -> Result<Self> {
        let connector = LoopConnector::start(options.read()?).map_err(errors::bad_option)?;
        let links = Rc::new(Links {
            env,
            connector,
            exchanges: RefCell::default(),
            turn: RefCell::new(Some(Rc::new(turn.create_ref().map_err(errors::node)?))),
            watch: RefCell::default(),
        });
        links.watch_on(env).map_err(errors::node)?;
        Ok(Self { links })
    }

    /// Takes nothing new; `ENDED` follows.
    #[napi]
    pub fn drain(&self) {
        self.links.connector.drain();
        self.links.connector.flush();
    }

    /// Leaves at once. No event follows.
    #[napi]
    pub fn stop(&self) {
        self.links.connector.stop();
        self.links.end();
    }

    /// Writes out now what this turn of the loop gathered.
    #[napi]
    pub fn flush(&self) {
        self.links.connector.flush();
    }

    /// Changes how many requests can run at once.
    #[napi]
    pub fn set_slots(&self, slots: u32) {
        self.links.connector.set_slots(u16::try_from(slots).unwrap_or(u16::MAX));
    }

    /// Keeps the process alive.
    #[napi(js_name = "ref")]
    pub fn ref_(&self) {
        if let Some(watch) = &*self.links.watch.borrow() {
            watch.ref_();
        }
    }

    /// Lets the process end.
    #[napi]
    pub fn unref(&self) {
        if let Some(watch) = &*self.links.watch.borrow() {
            watch.unref();
        }
    }
}

/// One request and its reply, until JavaScript has ended it.
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) reply: Reply,
    /// Body that was read ahead.
    pub(crate) early: Vec<u8>,
    /// What the app writes on the socket of an upgrade.
    pub(crate) raw: Option<Box<RawReply>>,
}

pub(crate) struct Links {
    env: Env,
    connector: LoopConnector,
    exchanges: RefCell<HashMap<u64, Exchange>>,
    /// Gone when all is over, so that JavaScript can forget the backend.
    turn: RefCell<Option<Rc<FunctionRef<(), ()>>>>,
    watch: RefCell<Option<Watch>>,
}

impl Links {
    /// Works on one exchange. JavaScript never runs inside `work`.
    pub(crate) fn with<T>(&self, id: f64, work: impl FnOnce(&mut Exchange) -> Result<T>) -> Result<T> {
        match self.exchanges.borrow_mut().get_mut(&(id as u64)) {
            Some(exchange) => work(exchange),
            None => Err(errors::over()),
        }
    }

    /// The exchange is over for JavaScript.
    pub(crate) fn forget(&self, id: f64) {
        let exchange = self.exchanges.borrow_mut().remove(&(id as u64));
        drop(exchange);
    }

    fn watch_on(self: &Rc<Self>, env: Env) -> napi::Result<()> {
        let (reading, writing) = (Rc::downgrade(self), Rc::downgrade(self));
        let on_readable = move || {
            if let Some(links) = reading.upgrade() {
                links.turn();
            }
        };
        // What timers, promises and other I/O gave since then leaves here, in one write for each link.
        let before_wait = move || {
            if let Some(links) = writing.upgrade() {
                links.connector.flush();
            }
        };
        let watch = Watch::start(env, self.connector.descriptor(), on_readable, before_wait)?;
        *self.watch.borrow_mut() = Some(watch);
        Ok(())
    }

    /// One turn of the loop: all that came goes to JavaScript in one call, and what it answers leaves in one write.
    fn turn(&self) {
        let mut events = Vec::new();
        if self.connector.turn(&mut events).is_err() {
            // After a fork: the links are the parent's.
            self.end();
            return;
        }
        let Some(turn) = self.turn.borrow().clone() else { return };
        if events.is_empty() {
            return;
        }
        let has_ended = matches!(events.last(), Some(Event::Ended));
        let called = uv::call_back(self.env, &turn, |env| {
            events::array(env, events, &mut self.exchanges.borrow_mut())
        });
        if let Err(error) = called {
            // Node is going down: nothing can be asked of JavaScript any more.
            eprintln!("swiftiply-node: JavaScript could not be called: {}", error.reason);
            self.end();
        }
        self.connector.flush();
        if has_ended {
            self.end();
        }
    }

    fn end(&self) {
        self.watch.take();
        self.turn.take();
    }
}
