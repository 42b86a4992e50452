'use strict';

// WebSockets by `ws`, socket.io, and what is done by hand, on one server; and a page beside them.
const http = require('node:http');
const { Server } = require('socket.io');
const { WebSocketServer } = require('ws');

const server = http.createServer((req, res) => res.end(`page, ${server._connections} connections`));
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true });
const io = new Server(server, { destroyUpgrade: false });

io.on('connection', (socket) => {
  socket.on('say', (what, answer) => answer(`${socket.conn.transport.name}: ${what}`));
});

sockets.on('connection', (socket, req) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('close', (code, reason) => console.log(`closed ${code} ${reason}`));
  socket.on('error', (err) => console.log(`error ${err.code}`));
  if (req.url === '/ws/who') socket.send(JSON.stringify({ from: req.socket.remoteAddress }));
});

server.on('upgrade', (req, socket, head) => {
  if (req.url.startsWith('/ws')) {
    sockets.handleUpgrade(req, socket, head, (client) => sockets.emit('connection', client, req));
  } else if (req.url === '/deny') {
    socket.write('HTTP/1.1 401 Unauthorized\r\nX-Why: no ticket\r\n\r\n');
    socket.destroy();
  } else if (req.url === '/flood') {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: flood\r\nConnection: Upgrade\r\n\r\n');
    const more = () => {
      while (socket.write(Buffer.alloc(65_536)));
    };
    socket.on('drain', more).on('data', () => socket.destroy());
    more();
    let before = -1;
    const told = setInterval(() => {
      if (socket.bytesWritten === before) console.log(`held up at ${before}`);
      before = socket.bytesWritten;
    }, 200);
    socket.on('close', () => clearInterval(told));
  } else if (req.url === '/raw') {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\n');
    socket.on('data', (piece) => socket.write(piece)).on('end', () => socket.end('bye'));
  }
});

server.listen(0, () => console.log('listening'));
