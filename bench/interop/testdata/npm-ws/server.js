// Plays ws of npm as a server that echoes: node server.js. Prints its port, closes with 4002 when it
// gets the text "close", and ends with its standard input.

import { WebSocketServer } from 'ws';

const server = new WebSocketServer({
  host: '127.0.0.1', port: 0, maxPayload: 32 << 20,
  perMessageDeflate: { threshold: 0, zlibDeflateOptions: { level: 1 } },
});
server.on('listening', () => console.log(server.address().port));
server.on('connection', (ws) => {
  ws.on('message', (data, isBinary) => {
    if (!isBinary && data.toString() === 'close') ws.close(4002, 'from the server');
    else ws.send(data, { binary: isBinary });
  });
});
process.stdin.resume().on('end', () => process.exit());
