// A node of its own with the scripted upstream behind both providers.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function start(program, args, env, sign) {
  const child = spawn(program, args, { env: { ...process.env, ...env } });
  let said = '';
  const ready = new Promise((resolve, reject) => {
    const take = (bytes) => {
      said += bytes;
      const found = said.match(sign);
      if (found) resolve(found);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('exit', (code) => reject(new Error(`${program} ended (${code}): ${said}`)));
  });
  ready.catch(() => {}); // Also said to whoever waits.
  return { child, ready };
}

function ended(child) {
  return child.exitCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.on('exit', resolve));
}

/// `credentials`: clients need a key, and `key` is one; else everybody on this
/// machine is let in, and nobody's requests are counted.
export async function startWorld({ credentials = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'shannon-clients-'));
  const ledgerFile = join(folder, 'ledger.jsonl');
  const upstream = start(process.env.SHANNON_UPSTREAM, ['--ledger', ledgerFile], {},
    /listening (\d+)\n/);
  const port = (await upstream.ready)[1];
  const [http, admin] = [await freePort(), await freePort()];
  const node = start(
    process.env.SHANNON_BINARY,
    ['up', ...(credentials ? [] : ['--dev']), '--data', join(folder, 'data'), '--http', `127.0.0.1:${http}`,
      '--admin', `127.0.0.1:${admin}`],
    {
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
      OPENAI_API_KEY: 'upstream-key',
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
      ANTHROPIC_API_KEY: 'upstream-key',
    },
    /ready http:\/\//);
  await node.ready;
  const key = credentials
    ? execFileSync(process.env.SHANNON_BINARY,
      ['keys', 'create', '--data', join(folder, 'data')], { encoding: 'utf8' }).trim()
    : 'any';
  return {
    url: `http://127.0.0.1:${http}`,
    key,
    /// What the upstream saw: a line for each request, one for each end.
    ledger: () => readFileSync(ledgerFile, 'utf8').trim().split('\n').map((l) => JSON.parse(l)),
    async stop() {
      node.child.kill('SIGTERM');
      await ended(node.child);
      upstream.child.kill('SIGTERM');
      await ended(upstream.child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/// Looks until `what` holds.
export async function eventually(what, most = 10_000) {
  const until = Date.now() + most;
  while (!what()) {
    if (Date.now() > until) throw new Error(`not within ${most} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
