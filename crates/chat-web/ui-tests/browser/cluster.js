// A cluster with one address: two nodes on a PostgreSQL and a Redis of their own, and a balancer before them. It must not know who talks there.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Server, raised } from '../sync/server.js';
import { balancer } from './balancer.js';

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

/** Two nodes. `first` is the one that new connections go to while it lives. */
export async function cluster() {
  const held = await stores();
  const settings = (name) => ({ ...raised, CHAT_STORE__URL: held.postgres, CHAT_REDIS__URL: held.redis, CHAT_AUTH__SECRET: SECRET, CHAT_NODE__NAME: name });
  const nodes = [await Server.start(settings('n1')), await Server.start(settings('n2'))];
  const way = await balancer(() => nodes.map(({ origin }) => origin));
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
