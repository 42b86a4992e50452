'use strict';

const http = require('node:http');

/**
 * What makes the requests and responses of one server: Node's own classes, or those of the server's options.
 *
 * Express gives each of its requests and responses another prototype, first thing. V8 remembers no shape behind a
 * changed prototype: each property that is added afterwards makes a new hidden class, for every object again, and no
 * inline cache ever hits. That was two thirds of what an Express request cost. So where an Express app is the
 * server's only listener, its objects have the prototypes that it would give them from the start; Express then changes
 * nothing, and what it sees is the same.
 */
class Classes {
  /** @param {import('node:http').Server} server */
  constructor(server) {
    this.server = server;
    this.app = undefined;
    this.requestPrototype = undefined;
    this.responsePrototype = undefined;
    this.Request = this.OwnRequest = server[ownClasses.request] || http.IncomingMessage;
    this.Response = this.OwnResponse = server[ownClasses.response] || http.ServerResponse;
  }

  /** To be called before each request: listeners come and go, and an app may get other prototypes. */
  follow() {
    const app = this.server._events.request;
    if (
      app !== this.app ||
      app?.request !== this.requestPrototype ||
      app?.response !== this.responsePrototype
    ) {
      this.adapt(app);
    }
  }

  adapt(app) {
    this.app = app;
    this.requestPrototype = app?.request;
    this.responsePrototype = app?.response;
    const { OwnRequest, OwnResponse } = this;
    const isExpress =
      typeof app === 'function' &&
      typeof app.handle === 'function' &&
      OwnRequest === http.IncomingMessage &&
      OwnResponse === http.ServerResponse &&
      app.request instanceof OwnRequest &&
      app.response instanceof OwnResponse;
    this.Request = isExpress ? withPrototype(OwnRequest, app.request) : OwnRequest;
    this.Response = isExpress ? withPrototype(OwnResponse, app.response) : OwnResponse;
  }
}

/** A constructor that does what `Base` does, for objects with this prototype. */
function withPrototype(Base, prototype) {
  function Message(...args) {
    Base.apply(this, args);
  }
  Message.prototype = prototype;
  return Message;
}

/** Node keeps the classes of a server's options under symbols that it does not export. */
const ownClasses = { request: symbolOf('IncomingMessage'), response: symbolOf('ServerResponse') };

function symbolOf(description) {
  return Object.getOwnPropertySymbols(new http.Server()).find((symbol) => symbol.description === description);
}

module.exports = { Classes };
