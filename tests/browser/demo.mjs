// Starts the demo for one test file and stops it again: the real hub, broker and gate units.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const target = process.env.CARGO_TARGET_DIR ?? join(import.meta.dirname, '../../target');

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Waits until `look` gives something true; says what it last gave if it never does. */
export async function until(what, look, deadlineMs = 30_000) {
  const end = Date.now() + deadlineMs;
  let last;
  while (Date.now() < end) {
    try {
      last = await look();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within ${deadlineMs} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
}

/** The running demo: its address, its API, its processes. */
export async function startDemo(...flags) {
  const dir = mkdtempSync(join(tmpdir(), 'gatepost-browser-'));
  const [http, mqtt] = [await freePort(), await freePort()];
  const child = spawn(
    join(target, 'release/gatepost-demo'),
    ['--data', dir, '--http', `127.0.0.1:${http}`, '--mqtt', `127.0.0.1:${mqtt}`, '--for', '900s', ...flags],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const said = [];
  const hear = (line) => {
    said.push(line);
    if (said.length > 200) said.shift();
  };
  createInterface({ input: child.stderr }).on('line', hear);
  const lines = createInterface({ input: child.stdout });
  lines.on('line', hear);
  const exited = new Promise((resolve) => child.once('exit', resolve));

  const origin = await Promise.race([
    new Promise((found) =>
      lines.on('line', (line) => {
        const match = /^Gatepost: (http:\/\/\S+?)\/?$/.exec(line);
        if (match) found(match[1]);
      }),
    ),
    exited.then((code) => {
      throw new Error(`the demo ended with ${code}:\n${said.join('\n')}`);
    }),
  ]);

  const api = async (path) => {
    const answer = await fetch(`${origin}/api/v1/${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  };
  const world = await until('the world\'s address', () => said.map((line) => /^World: (http:\/\/\S+?)\/?$/.exec(line)?.[1]).find(Boolean));
  return {
    origin,
    api,
    /** Presses a button of the world. */
    press: async (what, site = '', unit = '') => {
      const answer = await fetch(`${world}/do`, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ what, site, unit }) });
      if (answer.status >= 400) throw new Error(`${what}: ${answer.status}`);
    },
    /** Adds something to a site's settings, as its crew does: out of the hub, and in again. */
    settle: (site, toml) => {
      const hub = (...words) =>
        execFileSync(join(target, 'release/gatepost-demo'), ['__hub', 'site', ...words, '--config', join(dir, 'hub/gatepost-hub.toml')], { encoding: 'utf8' });
      const file = join(dir, `${site}.toml`);
      writeFileSync(file, `${hub('export', site)}\n${toml}`);
      hub('import', file);
    },
    state: () => JSON.parse(readFileSync(join(dir, 'demo.json'), 'utf8')),
    /** Waits until every unit has been heard and holds nothing back. */
    caughtUp: () =>
      until(
        'all units online with nothing waiting',
        async () => {
          const { units } = await api('units');
          return units.length > 0 && units.every((unit) => unit.state === 'online' && !unit.catching_up);
        },
        120_000,
      ),
    stop: async () => {
      child.kill('SIGTERM');
      const code = await exited;
      rmSync(dir, { recursive: true, force: true });
      return code;
    },
  };
}
