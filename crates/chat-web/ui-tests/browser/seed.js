// Fills a server over its own interfaces, faster than anybody types: REST for things, sockets for masses of messages. It must not know pages.

import WebSocket from 'ws';
import { PASSWORD } from './house.js';

const INFLIGHT = 32;
const PATIENCE_MS = 30_000;

/** Somebody without a page. */
export class Hand {
  /** Signs up and in. */
  static async make(origin, name, username = name.toLowerCase().replaceAll(' ', '.')) {
    const hand = new Hand();
    hand.origin = origin;
    hand.username = username;
    hand.user = await hand.ask('POST', '/accounts', { username, password: PASSWORD, display_name: name });
    hand.token = (await hand.ask('POST', '/sessions', { username, password: PASSWORD })).access_token;
    return hand;
  }

  async ask(method, path, body) {
    const answer = await fetch(`${this.origin}/api/v1${path}`, {
      method, signal: AbortSignal.timeout(PATIENCE_MS),
      headers: { ...(this.token && { authorization: `Bearer ${this.token}` }), ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  room(name, more = {}) { return this.ask('POST', '/rooms', { kind: 'public', name, ...more }); }
  direct({ user }) { return this.ask('POST', '/rooms', { kind: 'direct', members: [user.id] }); }
  join({ id }) { return this.ask('PUT', `/rooms/${id}/members/me`); }
  say({ id }, text, reply_to) { return this.ask('POST', `/rooms/${id}/messages`, { text, nonce: nonce(), reply_to }); }
  react({ id }, seq, emoji) { return this.ask('PUT', `/rooms/${id}/messages/${seq}/reactions/${encodeURIComponent(emoji)}`); }
  pin({ id }, seq) { return this.ask('PUT', `/rooms/${id}/pins/${seq}`); }
  read({ id }, seq) { return this.ask('PUT', `/rooms/${id}/read`, { seq }); }

  /** A socket that answers `request(frame)` and is closed with the value's `close()`. */
  async line() {
    const socket = new WebSocket(`${this.origin.replace('http', 'ws')}/api/v1/ws`, 'chat.v1');
    const waiting = new Map();
    let last = 0;
    const fail = (error) => { for (const { reject } of waiting.values()) reject(error); };
    socket.on('error', fail);
    socket.on('close', (code) => fail(new Error(`the socket closed with ${code}`)));
    socket.on('message', (data) => {
      const frame = JSON.parse(data);
      const held = waiting.get(frame.id);
      waiting.delete(frame.id);
      if (frame.type === 'error') held?.reject(new Error(`${frame.code}: ${frame.message}`));
      else held?.resolve(frame);
    });
    const request = (frame) => new Promise((resolve, reject) => {
      waiting.set((last += 1), { resolve, reject });
      socket.send(JSON.stringify({ ...frame, id: last }));
    });
    await new Promise((resolve, reject) => { socket.once('open', resolve); socket.once('error', reject); });
    await request({ type: 'auth', token: this.token });
    return { request, push: (frame) => socket.send(JSON.stringify(frame)), close: () => socket.close(1000) };
  }
}

let nonces = 0;
const nonce = () => `seed-${process.pid}-${(nonces += 1)}`;

/** Does `work(item)` for all, a few at a time. */
export async function each(items, work, together = 16) {
  const left = [...items];
  await Promise.all(Array.from({ length: together }, async () => { while (left.length) await work(left.shift()); }));
}

/** `count` messages into a room, over `sockets` sockets of these people. */
export async function pour(hands, room, count, text = (index) => `message ${index}`, sockets = 16) {
  let next = 0;
  const lines = [];
  // One after the other: the server lets only a few in at a time that have not said who they are.
  for (let index = 0; index < sockets; index += 1) lines.push(await hands[index % hands.length].line());
  const lane = async (line) => { for (let mine = next++; mine < count; mine = next++) await line.request({ type: 'send', room: room.id, nonce: nonce(), text: text(mine) }); };
  await Promise.all(lines.flatMap((line) => Array.from({ length: INFLIGHT }, () => lane(line))));
  for (const line of lines) line.close();
}
