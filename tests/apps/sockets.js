// Says again whatever comes by WebSocket, in frames of its own making; and a page beside it.
const crypto = require('node:crypto');
const http = require('node:http');

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const server = http.createServer((req, res) => res.end('page'));

server.on('upgrade', (req, socket) => {
  const accept = crypto.createHash('sha1').update(req.headers['sec-websocket-key'] + GUID).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let waiting = Buffer.alloc(0);
  socket.on('data', (piece) => {
    waiting = Buffer.concat([waiting, piece]);
    for (let frame; (frame = frameIn(waiting)) !== null; waiting = waiting.subarray(frame.end)) answer(socket, frame);
  });
  socket.on('end', () => socket.end());
});

function answer(socket, { opcode, payload }) {
  if (opcode === PONG) return;
  const size = payload.length;
  const length = size < 126 ? [size] : size < 65_536 ? [126, size >> 8, size & 255] : null;
  const head = Buffer.from([0x80 | (opcode === PING ? PONG : opcode), ...(length ?? [127, 0, 0, 0, 0, 0, 0, 0, 0])]);
  if (length === null) head.writeBigUInt64BE(BigInt(size), 2);
  socket.write(Buffer.concat([head, payload]));
  if (opcode === CLOSE) socket.end();
}

// A frame from the front, or null if it is not whole: masked, as clients' are, and in one piece.
function frameIn(bytes) {
  if (bytes.length < 2) return null;
  const short = bytes[1] & 127;
  const at = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < at + 4) return null;
  const size = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const end = at + 4 + size;
  if (bytes.length < end) return null;
  const payload = Buffer.from(bytes.subarray(at + 4, end)).map((byte, n) => byte ^ bytes[at + (n & 3)]);
  return { opcode: bytes[0] & 15, payload, end };
}

server.listen(0);
