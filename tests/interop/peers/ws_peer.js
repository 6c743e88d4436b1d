// The Node.js library ws as an echo server, and as a client of one.
//
// `exchange.py` beside this file tells what the command line is; before all of that comes the
// directory that ws is installed in.
'use strict';

const assert = require('node:assert');
const { parseArgs } = require('node:util');

const MAX_LENGTH = 100_000;
const WORDS = ['Rhein', 'Düssel', 'αβγδ', '水', '🌊', 'echo', 'echo echo', ' ', '{', '"id":', '0'];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'server-window': { type: 'string' },
    'client-window': { type: 'string' },
    'server-no-takeover': { type: 'boolean' },
    'client-no-takeover': { type: 'boolean' },
    'no-deflate': { type: 'boolean' },
  },
});
const [library, form, ...rest] = positionals;
const WebSocket = require(library);

function perMessageDeflate() {
  if (options['no-deflate']) {
    return false;
  }
  const deflate = { threshold: 0 };
  // What is not asked for is left out, as ws takes false for a ban.
  if (options['server-window']) deflate.serverMaxWindowBits = Number(options['server-window']);
  if (options['client-window']) deflate.clientMaxWindowBits = Number(options['client-window']);
  if (options['server-no-takeover']) deflate.serverNoContextTakeover = true;
  if (options['client-no-takeover']) deflate.clientNoContextTakeover = true;
  return deflate;
}

function runServer() {
  const server = new WebSocket.Server({
    host: '127.0.0.1',
    port: 0,
    perMessageDeflate: perMessageDeflate(),
  });
  server.on('listening', () => {
    console.log(`listening on ws://127.0.0.1:${server.address().port}/`);
  });
  server.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
    socket.on('error', (error) => console.error(`ws server: ${error}`));
  });
}

function runClient(url, count, seed) {
  const random = generator(seed);
  const messages = Array.from({ length: count }, () => randomMessage(random));
  const socket = new WebSocket(url, { perMessageDeflate: perMessageDeflate() });
  let agreed;
  let equal = 0;
  let bytes = 0;
  socket.on('upgrade', (response) => {
    agreed = agreement(response.headers['sec-websocket-extensions']);
  });
  socket.on('open', () => {
    for (const { data, binary } of messages) {
      socket.send(data, { binary });
    }
  });
  socket.on('message', (data, binary) => {
    const sent = messages[equal];
    const same = sent && binary === sent.binary && data.equals(sent.data);
    assert(same, `message ${equal + 1} came back changed`);
    equal += 1;
    bytes += data.length;
    if (equal === count) {
      socket.close(1000);
    }
  });
  socket.on('close', (code) => {
    assert.strictEqual(code, 1000, `closed with code ${code} after ${equal} messages`);
    assert.strictEqual(equal, count);
    console.log(agreed);
    console.log(`${equal} messages, ${bytes} bytes, all equal`);
  });
}

// SplitMix with 32 bits: gives a whole number from zero up to but not including a bound.
function generator(seed) {
  let state = seed | 0;
  return (bound) => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % bound;
  };
}

// Text or binary, one that compresses well or not at all, mostly short.
function randomMessage(random) {
  const length = Math.min(random(2 ** random(18)), MAX_LENGTH);
  const binary = random(2) === 1;
  if (random(2) === 0) {
    return { data: Buffer.from(repeat(length / 5, () => WORDS[random(WORDS.length)])), binary };
  }
  if (binary) {
    return { data: Buffer.from(Array.from({ length }, () => random(256))), binary };
  }
  return { data: Buffer.from(repeat(length / 4, () => character(random))), binary };
}

function repeat(count, part) {
  return Array.from({ length: Math.floor(count) }, part).join('');
}

// Any character; surrogates are none.
function character(random) {
  const number = random(0x10f800);
  return String.fromCodePoint(number < 0xd800 ? number : number + 0x800);
}

// What the response says, with all that goes without saying.
function agreement(header) {
  if (header === undefined) {
    return 'no compression';
  }
  const [name, ...parameters] = header.split(';').map((part) => part.trim());
  const isWindow = (parameter) => parameter.includes('window_bits');
  const named = parameters.filter(isWindow).map((parameter) => parameter.split('='));
  const windows = Object.fromEntries(named);
  const told = ['server_max_window_bits', 'client_max_window_bits'].map(
    (window) => `${window}=${windows[window] ?? 15}`,
  );
  const flags = parameters.filter((parameter) => !isWindow(parameter)).sort().reverse();
  return [name, ...told, ...flags].join('; ');
}

process.on('uncaughtException', (error) => {
  console.error(`${error.name}: ${error.message}`);
  process.exit(1);
});
if (form === 'server') {
  runServer();
} else {
  const [url, count, seed] = rest;
  runClient(url, Number(count), Number(seed));
}
