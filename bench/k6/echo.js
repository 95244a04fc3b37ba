// Holds connections to an echo server and compares everything that comes back.
//
//   k6 run bench/k6/echo.js
//   k6 run -e CONNECTIONS=2000 -e SECONDS=60 -e URL=ws://127.0.0.1:9001/ bench/k6/echo.js
//
// CONNECTIONS are opened within RAMP seconds. Each then sends a message, waits for its
// echo, rests for PAUSE seconds, and sends the next, text and binary by turns, with a
// ping now and then, until SECONDS are over; it closes with 1000. COMPRESSION=deflate
// offers permessage-deflate. k6 exits with another status than 0 if a threshold is missed.

import { check } from 'k6';
import { randomBytes } from 'k6/crypto';
import { b64encode } from 'k6/encoding';
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import { setTimeout } from 'k6/timers';
import { WebSocket } from 'k6/websockets';

const number = (name, or) => (__ENV[name] ? Number(__ENV[name]) : or);
const url = __ENV.URL || 'ws://127.0.0.1:9001/';
const connections = number('CONNECTIONS', 500);
const seconds = number('SECONDS', 30);
const ramp = number('RAMP', 5);
const pause = number('PAUSE', 1);
const late = number('LATE', 1000); // p(95) of an echo in milliseconds is below this
const sizes = [0, 20, 125, 126, 1000, 16384, 65536]; // characters of text, or bytes

const held = new Counter('held'); // connections that were open until their time was over
const echoes = new Counter('echoes');
const errors = new Counter('errors');
const echoTime = new Trend('echo_time', true);

export const options = {
  scenarios: {
    hold: {
      executor: 'per-vu-iterations',
      vus: connections,
      iterations: 1,
      maxDuration: `${ramp + seconds + 30}s`,
    },
  },
  thresholds: {
    checks: ['rate==1'],
    held: [`count==${connections}`],
    echoes: [`count>=${connections}`],
    errors: ['count==0'],
    echo_time: [`p(95)<${late}`],
  },
};

const longest = 'a\u00e9\u6f22z'.repeat(sizes[sizes.length - 1] / 4); // three lengths of UTF-8

// Bytes are compared in a form of k6's own making: byte by byte, JavaScript would take
// longer than the echo.
const same = (a, b) => a.byteLength === b.byteLength && b64encode(a) === b64encode(b);

export default function () {
  setTimeout(open, Math.random() * ramp * 1000);
}

function open() {
  const vu = exec.vu.idInTest;
  const params = __ENV.COMPRESSION ? { compression: __ENV.COMPRESSION } : {};
  const ws = new WebSocket(url, null, params);
  ws.binaryType = 'arraybuffer';
  let turn = vu; // connections begin at different places of the round
  let sent = null;
  let sentAt = 0;
  let done = false; // its time is over
  let over = false; // and it has closed
  let pings = 0;
  let pongs = 0;

  // It closes between an echo and the next message, so that nothing is under way.
  const next = () => {
    if (done) {
      over = true;
      held.add(1);
      ws.close(1000);
      return;
    }
    if (turn % 10 === 0) ws.ping(`ping ${++pings}`);
    const size = sizes[turn % sizes.length];
    sent = turn % 2 ? longest.slice(0, size) : size ? randomBytes(size) : new ArrayBuffer(0);
    sentAt = Date.now();
    ws.send(sent);
  };

  ws.onopen = () => {
    check(ws, { 'connected': (s) => s.readyState === 1 });
    next();
    setTimeout(() => (done = true), seconds * 1000);
  };
  ws.onmessage = ({ data }) => {
    echoTime.add(Date.now() - sentAt);
    echoes.add(1);
    if (turn % 2) check(data, { 'text comes back as it was sent': (d) => d === sent });
    else check(data, { 'binary comes back as it was sent': (d) => d instanceof ArrayBuffer && same(d, sent) });
    turn++;
    setTimeout(next, pause * 1000);
  };
  ws.onpong = () => pongs++;
  ws.onclose = (e) => {
    check(e, { 'closed with 1000, by the client': (c) => over && c.code === 1000 });
    check(pongs, { 'every ping has its pong': (n) => n === pings });
  };
  ws.onerror = () => errors.add(1);
}
