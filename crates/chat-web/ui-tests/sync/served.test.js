// The files as the server sends them, without comments and blanks, must be what is written: every script is read by node's own parser.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server } from './server.js';

test('every script that is served is a script', { timeout: 60_000 }, async () => {
  const server = await Server.start(), folder = mkdtempSync(join(tmpdir(), 'served-'));
  try {
    const paths = (await fetch(server.origin)).headers.get('link').match(/[^<]+(?=>)/g);
    assert.ok(paths.length > 20, String(paths));
    for (const path of paths) {
      const text = await (await fetch(server.origin + path)).text(), file = join(folder, path.replaceAll('/', '-').replace(/js$/, 'mjs'));
      writeFileSync(file, text);
      execFileSync(process.execPath, ['--check', file], { stdio: 'pipe' });
    }
  } finally {
    rmSync(folder, { recursive: true });
    await server.end();
  }
});
