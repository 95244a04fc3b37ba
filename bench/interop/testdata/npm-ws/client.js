// Plays ws of npm as a client: node client.js ECHO-URL COMMAND-URL COMPRESSING-URL, the
// last of an echo server that compresses. Prints one line of JSON for each scenario, with
// an error if it failed.

import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import WebSocket from 'ws';

const [echoURL, commandURL, compressingURL] = process.argv.slice(2);
const patience = 180_000;
const large = echoURL.startsWith('wss:') ? 1 << 20 : 16 << 20; // over TLS clients in Go send more
const sizes = [0, 1, 125, 126, 65535, 65536, 1 << 20, large];

async function open(url, options) {
  const ws = new WebSocket(url, options);
  await once(ws, 'open');
  return ws;
}

// received resolves with the next message.
async function received(ws) {
  const [data, isBinary] = await once(ws, 'message');
  return { data, isBinary };
}

// exchange sends a message and checks its echo.
async function exchange(ws, payload, binary) {
  const echo = received(ws);
  ws.send(payload, { binary });
  const { data, isBinary } = await echo;
  assert.equal(isBinary, binary);
  assert.ok(payload.equals(data), `${data.length} bytes that differ from the ${payload.length} sent`);
}

// text makes n bytes of UTF-8 with sequences of every length.
function text(n) {
  const sample = Buffer.from('a\u00e9\u6f22\u{1f600}z');
  const p = Buffer.alloc(n, '.');
  for (let at = 0; at + sample.length <= n; at += sample.length) sample.copy(p, at);
  return p;
}

// prose makes n bytes that compress, and differ from one seed to the next.
function prose(n, seed) {
  let p = '';
  for (let i = 0; p.length < n; i++) p += `{"id":${seed * 1000 + i},"text":"${(i * 7919) % 97} or ${(i * seed) % 13}"},`;
  return Buffer.from(p.slice(0, n));
}

// compressed runs one connection that offers compression with these parameters, checks
// what was agreed on, and has messages echoed that resemble earlier ones, and some that do
// not compress, whole and in fragments.
async function compressed(offer, agreed, sizes = [0, 1, 125, 126, 255, 257, 513, 4097, 32769, 65536, 200_000]) {
  const ws = await open(compressingURL, { perMessageDeflate: { threshold: 0, ...offer } });
  assert.deepEqual({ ...ws._extensions['permessage-deflate'].params }, agreed);
  for (const size of sizes) {
    for (const seed of [1, 2, 1]) await exchange(ws, prose(size, seed), false);
    await exchange(ws, text(size), false);
    await exchange(ws, randomFillSync(Buffer.alloc(size)), true);
    const payload = prose(size, 3);
    const echo = received(ws);
    for (let at = 0, end; at < size; at = end) {
      end = Math.min(at + 7777, size);
      ws.send(payload.subarray(at, end), { binary: true, fin: end === size });
    }
    if (size > 0) assert.ok(payload.equals((await echo).data), 'fragments come back altered');
    else await exchange(ws, payload, true);
  }
  ws.close(1000);
  await once(ws, 'close');
}

function command(ws, ...words) {
  ws.send(words.join(' '));
}

const scenarios = {
  async text_of_every_size() {
    const ws = await open(echoURL);
    for (const size of sizes) await exchange(ws, text(size), false);
    ws.close();
    await once(ws, 'close');
  },

  async binary_of_every_size() {
    const ws = await open(echoURL);
    for (const size of sizes) await exchange(ws, randomFillSync(Buffer.alloc(size)), true);
    ws.close();
    await once(ws, 'close');
  },

  async compressed_with_takeover() {
    await compressed({}, { client_max_window_bits: 14 });
  },

  async compressed_alone() {
    await compressed(
      { serverNoContextTakeover: true, clientNoContextTakeover: true },
      { server_no_context_takeover: true, client_no_context_takeover: true, client_max_window_bits: 14 },
    );
  },

  async compressed_in_windows_of_its_own() {
    await compressed(
      { serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
      { server_max_window_bits: 9, client_max_window_bits: 10 },
    );
  },

  async compressed_in_the_smallest_window_of_the_server() {
    await compressed({ serverMaxWindowBits: 8 }, { server_max_window_bits: 8, client_max_window_bits: 14 });
  },

  async compressed_one_way_with_takeover() {
    await compressed({ serverNoContextTakeover: true }, { server_no_context_takeover: true, client_max_window_bits: 14 });
  },

  async compressed_messages_that_are_large() {
    const ws = await open(compressingURL, { perMessageDeflate: { threshold: 0 } });
    await exchange(ws, text(large), false);
    await exchange(ws, randomFillSync(Buffer.alloc(large)), true);
    ws.terminate();
  },

  async compression_offered_is_declined() {
    const ws = await open(echoURL);
    assert.equal(ws.extensions, '');
    ws.terminate();
  },

  async fragments_from_the_client() {
    const ws = await open(echoURL);
    const payload = text(100_000);
    const echo = received(ws);
    for (let at = 0; at < payload.length; at += 777) {
      const end = Math.min(at + 777, payload.length);
      ws.send(payload.subarray(at, end), { binary: false, fin: end === payload.length });
      if (at === 7770) ws.ping('between');
    }
    const { data, isBinary } = await echo;
    assert.equal(isBinary, false);
    assert.ok(payload.equals(data));
    ws.terminate();
  },

  async fragments_from_the_server() {
    const ws = await open(commandURL);
    let pings = 0;
    ws.on('ping', () => pings++);
    const message = received(ws);
    command(ws, 'fragments', 5, 70_000);
    const { data } = await message;
    assert.equal(data.length, 350_000);
    assert.equal(pings, 5);
    ws.terminate();
  },

  async ping_from_the_client() {
    const ws = await open(echoURL);
    const pong = once(ws, 'pong');
    ws.ping('are you there?');
    assert.equal((await pong)[0].toString(), 'are you there?');
    ws.terminate();
  },

  async ping_from_the_server() {
    const ws = await open(commandURL);
    const ping = once(ws, 'ping');
    const answer = received(ws);
    command(ws, 'ping', 'knock knock');
    assert.equal((await ping)[0].toString(), 'knock knock');
    assert.equal((await answer).data.toString(), 'pong knock knock');
    ws.terminate();
  },

  async close_from_the_client() {
    const ws = await open(echoURL);
    ws.close(4001, 'from the client');
    const [code] = await once(ws, 'close');
    assert.equal(code, 4001);
  },

  async close_from_the_client_without_a_code() {
    const ws = await open(echoURL);
    ws.close();
    const [code] = await once(ws, 'close');
    assert.equal(code, 1005);
  },

  async close_from_the_server() {
    const ws = await open(commandURL);
    command(ws, 'close', 4002, 'from the server');
    const [code, reason] = await once(ws, 'close');
    assert.equal(code, 4002);
    assert.equal(reason.toString(), 'from the server');
  },

  async a_thousand_connections_at_once() {
    const all = await Promise.all(Array.from({ length: 1000 }, () => open(echoURL)));
    await Promise.all(all.map((ws, i) => exchange(ws, Buffer.from(`I am ${i}`), false)));
    all.forEach((ws) => ws.close(1000));
    await Promise.all(all.map((ws) => once(ws, 'close')));
  },
};

for (const [name, scenario] of Object.entries(scenarios)) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), patience);
  });
  let error = '';
  try {
    await Promise.race([scenario(), late]);
  } catch (e) {
    error = e.stack;
  }
  clearTimeout(timer);
  console.log(JSON.stringify({ name, error }));
}
// A scenario that failed may have left connections open.
process.exit(0);
