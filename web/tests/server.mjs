/* Starts a server on a port of its own and finds its address in what it prints. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const START_MS = 90_000;
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const CHROMIUM_ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/* two budgets that the sample fleet has already spent parts of, so that the page has something to show */
const CONFIG = `apiVersion: gpuwise.dev/v1
kind: Config
budgets:
  - {name: everything, period: monthly, amount: 250000}
  - {name: research, team: research, period: monthly, amount: 40000}
  - {name: assistant, team: assistant, period: monthly, amount: 12000}
  - {name: plant, team: plant-systems, period: monthly, amount: 500}
`;

function run(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const address = new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error(`no address within ${START_MS / 1000} s; it printed:\n${text}`)), START_MS);
    const take = (b) => {
      text += b;
      const m = /(https?:\/\/[\w.[\]:]+:\d+)/.exec(text);
      if (!m) return;
      clearTimeout(timer);
      resolve(m[1]);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${text}`));
    });
  });
  return { child, address };
}

async function ready(base) {
  const end = Date.now() + START_MS;
  for (;;) {
    const s = await fetch(new URL('api/v1/status', base)).then((r) => r.json());
    if (s.state === 'ready' && !s.hoursWaiting) return;
    if (Date.now() > end) throw new Error(`not ready within ${START_MS / 1000} s: ${JSON.stringify(s)}`);
    await new Promise((r) => setTimeout(r, 200));
  }
}

/** A running server: {base, stop}. mock: the one that only stands in. url: one that runs already. */
export async function serve({ url, mock, program = join(here, '../../build/gpuwise') } = {}) {
  if (url) {
    const base = url.endsWith('/') ? url : `${url}/`;
    await ready(base);
    return { base, stop: () => undefined };
  }
  const scratch = mkdtempSync(join(tmpdir(), 'gpuwise-web-'));
  writeFileSync(join(scratch, 'gpuwise.yaml'), CONFIG);
  const { child, address } = mock
    ? run('node', [join(here, '../dev/mock.mjs')], scratch)
    : run(program, ['serve', '--demo', '--listen', '127.0.0.1:0', '--config', join(scratch, 'gpuwise.yaml'), '--store', `sqlite:${join(scratch, 'history.db')}`], scratch);
  const stop = () => {
    child.removeAllListeners('exit');
    child.kill('SIGTERM');
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    const base = `${await address}/`;
    await ready(base);
    return { base, stop };
  } catch (e) {
    stop();
    throw e;
  }
}
