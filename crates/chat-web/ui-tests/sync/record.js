// Records what a real server says about one busy room into `recorded/room.jsonl`: `node record.js` when the protocol grows.
// One line is one thing heard by `ann`: a frame of the socket, or the body of a REST answer. No token is among them.

import { mkdir, writeFile } from 'node:fs/promises';
import WebSocket from 'ws';
import { dice } from './fake.js';
import { Server } from './server.js';

const ACTS = 160;
const random = dice(20261127);
const pick = (list) => list[Math.floor(random() * list.length)];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const lines = [];

const server = await Server.start();

async function rest(method, path, person, body) {
  const headers = { ...(person && { authorization: `Bearer ${person.access_token}` }), ...(body && { 'content-type': 'application/json' }) };
  const answer = await fetch(`${server.origin}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  if (!answer.ok && answer.status !== 410) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text && answer.ok ? JSON.parse(text) : null;
}

async function person(name) {
  await rest('POST', '/accounts', null, { username: name, password: 'correct horse battery', display_name: name });
  return rest('POST', '/sessions', null, { username: name, password: 'correct horse battery' });
}

const [ann, bob, cid] = [await person('ann'), await person('bob'), await person('cid')];
const room = await rest('POST', '/rooms', ann, { kind: 'public', name: 'recorded' });
const base = `/rooms/${room.id}`;
await rest('PUT', `${base}/members/me`, bob);

/** A socket of `ann` whose pushes about the room are noted under `as`. */
async function listen(as, from) {
  const socket = new WebSocket(`${server.origin.replace('http', 'ws')}/api/v1/ws`, 'chat.v1');
  const ready = new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'ready') resolve();
      else if (frame.room === room.id) lines.push({ as, frame });
    };
  });
  socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', id: 1, token: ann.access_token }));
  await ready;
  socket.send(JSON.stringify({ type: 'subscribe', id: 2, rooms: [{ room: room.id, ...from }] }));
  await pause(200);
  return socket;
}

const note = async (as, path) => lines.push({ as, rest: path.split('/').at(-1), body: await rest('GET', path, ann) });
lines.push({ as: 'start', me: ann.user.id });
await note('start', '/sync');
const live = await listen('live', {});

const said = [];
const emoji = ['👍', '❤️', '🎉'];
for (let act = 0; act < ACTS; act++) {
  const who = pick([ann, bob]), dice = random(), old = pick(said);
  if (!old || dice < 0.45) {
    const mention = random() < 0.2 ? pick(['@ann ', '@bob ', '@room ']) : '';
    const message = await rest('POST', `${base}/messages`, who, { text: `${mention}words ${act}`, nonce: `recorded-${act}`, reply_to: old && random() < 0.2 ? old.seq : undefined });
    said.push({ seq: message.seq, author: who });
  } else if (dice < 0.58) await rest('PATCH', `${base}/messages/${old.seq}`, old.author, { text: `edited ${act}` });
  else if (dice < 0.64) await rest('DELETE', `${base}/messages/${old.seq}`, ann);
  else if (dice < 0.9) await rest(random() < 0.7 ? 'PUT' : 'DELETE', `${base}/messages/${old.seq}/reactions/${encodeURIComponent(pick(emoji))}`, who);
  else if (dice < 0.94) await rest('PATCH', base, ann, { topic: `topic ${act}` });
  else if (dice < 0.97) await rest('PUT', `${base}/members/${cid.user.id}`, ann, {});
  else await rest('DELETE', `${base}/members/${cid.user.id}`, ann).catch((error) => { if (!/404/.test(error.message)) throw error; });
}
await pause(300);
live.close();

for (const after of [0, 3, 40, 100]) (await listen(`resume ${after}`, { after })).close();
await note('end', '/sync');
await note('end', `${base}/messages?limit=100`);
await note('end', `${base}/members`);
await server.end();

await mkdir(new URL('recorded/', import.meta.url), { recursive: true });
await writeFile(new URL('recorded/room.jsonl', import.meta.url), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
process.exit(0);
