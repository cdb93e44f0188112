// A cluster with one address: two nodes on a PostgreSQL and a Redis of their own, and before them a balancer of connections that gives each
// new one to a node that lives. It must not know what is said through it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Server, raised } from '../sync/server.js';

const HOLD = process.env.CHAT_TESTBED ?? fileURLToPath(new URL('../../../../target/debug/examples/hold', import.meta.url));
const SECRET = `k1:${Buffer.alloc(32, 7).toString('base64')}`;

/** PostgreSQL and Redis, held by a program that ends them when it ends itself: it tells their processes, and those tell their ports. */
async function stores() {
  const holder = spawn(HOLD, [], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => holder.kill());
  const lines = [];
  const ready = new Promise((resolve, reject) => {
    holder.on('error', reject);
    holder.on('exit', (code) => reject(new Error(`the stores ended with ${code}`)));
    createInterface({ input: holder.stdout }).on('line', (line) => (line === 'ready' ? resolve() : lines.push(line)));
  });
  await ready;
  const words = async (pid) => (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  const port = async (pid, pattern) => {
    const found = pattern.exec(await words(pid));
    if (!found) throw new Error(`no port in: ${await words(pid)}`);
    return found[1];
  };
  return {
    postgres: `postgres://postgres@127.0.0.1:${await port(lines[0], /(?:port=|-p ?)(\d+)/)}/postgres`,
    redis: `redis://127.0.0.1:${await port(lines[1], /(?:127\.0\.0\.1:|--port )(\d+)/)}/`,
    async end() {
      holder.removeAllListeners('exit');
      holder.kill();
      await once(holder, 'exit');
    },
  };
}

/** Gives each new connection to the first of `targets()` that takes it. */
async function balancer(targets) {
  const open = new Set();
  const listener = createServer((client) => {
    open.add(client);
    client.on('error', () => {});
    client.on('close', () => open.delete(client));
    const ask = ([target, ...others]) => {
      if (!target) return client.destroy();
      const node = connect(target);
      node.once('error', () => ask(others));
      node.once('connect', () => {
        node.removeAllListeners('error');
        node.on('error', () => client.destroy());
        node.on('close', () => client.destroy());
        client.on('close', () => node.destroy());
        client.pipe(node).pipe(client);
      });
      return null;
    };
    ask(targets());
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    origin: `http://127.0.0.1:${listener.address().port}`,
    end() {
      listener.close();
      for (const client of open) client.destroy();
    },
  };
}

/** Two nodes. `first` is the one that new connections go to while it lives. */
export async function cluster() {
  const held = await stores();
  const settings = (name) => ({ ...raised, CHAT_STORE__URL: held.postgres, CHAT_REDIS__URL: held.redis, CHAT_AUTH__SECRET: SECRET, CHAT_NODE__NAME: name });
  const nodes = [await Server.start(settings('n1')), await Server.start(settings('n2'))];
  const way = await balancer(() => [...nodes].map(({ origin }) => { const { hostname, port } = new URL(origin); return { host: hostname, port: Number(port) }; }));
  return {
    nodes, origin: way.origin,
    /** New connections go to this node first. */
    prefer(node) { nodes.sort((one) => (one === node ? -1 : 1)); },
    async end() {
      way.end();
      for (const node of nodes) await node.end();
      await held.end();
    },
  };
}
