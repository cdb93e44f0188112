// A real server of one's own: started on a port and a file, killed, started again. It must not know clients.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BINARY = process.env.CHAT_SERVER ?? fileURLToPath(new URL('../../../../target/debug/chat-server', import.meta.url));
const START_MS = 30_000;
const running = new Set();
process.on('exit', () => { for (const child of running) child.kill('SIGKILL'); });

/** Rates that would only make tests slow. */
const RAISED = ['REST_PER_SECOND', 'REST_BURST', 'FRAMES_PER_SECOND', 'FRAMES_BURST', 'SENDS_PER_USER_PER_SECOND', 'SENDS_PER_USER_BURST', 'SENDS_PER_ROOM_PER_SECOND',
  'SENDS_PER_ROOM_BURST', 'SIGN_IN_PER_ADDRESS_PER_MINUTE', 'SIGN_IN_PER_NAME_PER_MINUTE', 'REGISTRATIONS_PER_ADDRESS_PER_HOUR'];

export const raised = Object.fromEntries(RAISED.map((name) => [`CHAT_LIMITS__${name}`, '100000']));

/** `settings` are further `CHAT_…` variables. */
export class Server {
  #directory;
  #settings;
  #child = null;
  #listen = '127.0.0.1:0';
  origin = null;

  static async start(settings = raised) {
    const server = new Server();
    server.#settings = settings;
    server.#directory = await mkdtemp(join(tmpdir(), 'chat-sync-'));
    await server.again();
    return server;
  }

  /** On the same port and file as before. */
  async again() {
    const child = this.#child = spawn(BINARY, ['serve'], {
      cwd: this.#directory,
      env: { CHAT_HTTP__LISTEN: this.#listen, CHAT_METRICS__LISTEN: '', CHAT_STORE__URL: 'sqlite:chat.db', CHAT_NODE__NAME: 'n1', CHAT_AUTH__ALLOW_WEAK_HASH: 'true',
        CHAT_AUTH__BCRYPT_COST: '4', CHAT_DRAIN__SECONDS: '3', CHAT_LOG__LEVEL: 'warn', ...this.#settings },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.add(child);
    const line = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the server did not start in time')), START_MS);
      let text = '';
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`the server ended with ${code}`)));
      child.stdout.on('data', (bytes) => {
        text += bytes;
        if (!text.includes('\n')) return;
        clearTimeout(timer);
        resolve(text);
      });
    });
    this.origin = line.match(/http:\/\/[\d.]+:\d+/)[0];
    this.#listen = this.origin.replace('http://', '');
  }

  /** `SIGKILL` or `SIGTERM`; resolves when it is gone. */
  async kill(signal = 'SIGKILL') {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await gone;
    clearTimeout(timer);
    running.delete(child);
  }

  async end() {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
