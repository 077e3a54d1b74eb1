/* A stand-in for `gpuwise serve`, for working on the page alone: what the CLI says of the sample fleet, and made-up
 * history, budgets and the like in the shapes of the API. Not part of any build and of no test that counts.
 * usage: node dev/mock.mjs [PORT]      GPUWISE=path/to/gpuwise */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const program = process.env.GPUWISE ?? join(here, '../../build/gpuwise');
const dist = join(here, '../dist');
const run = promisify(execFile);
const kept = new Map();
const START = Date.parse('2026-09-07T00:00:00Z');
const HOUR = 3600e3;
const END = START + 168 * HOUR;
const iso = (t) => new Date(t).toISOString().replace('.000Z', 'Z');
const followed = [];

async function cli(...args) {
  const key = args.join('\0');
  if (!kept.has(key)) kept.set(key, run(program, [...args, '--demo', ...(args.includes('-o') ? [] : ['-o', 'json'])], { maxBuffer: 64 << 20 }).then((r) => r.stdout));
  return kept.get(key);
}
const json = async (...args) => JSON.parse(await cli(...args));

/* deterministic noise */
const noise = (s) => createHash('md5').update(String(s)).digest().readUInt32LE(0) / 2 ** 32;
const wave = (t) => 0.7 + 0.3 * Math.sin(((t / HOUR) % 24) / 24 * 2 * Math.PI - 2);
const scale = (c, f) => Object.fromEntries(Object.entries(c).map(([k, v]) => [k, v === null ? null : Math.round(v * f * 1e6) / 1e6]));

function common(q) {
  const args = [];
  if (q.get('by')) args.push('--by', q.get('by'));
  if (q.get('namespace')) args.push('-n', q.get('namespace'));
  if (q.get('selector')) args.push('-l', q.get('selector'));
  const w = q.get('window');
  if (w && w.includes(',')) args.push('--from', w.split(',')[0], '--to', w.split(',')[1]);
  else if (w) args.push('--from', iso(END - (/^\d+h$/.test(w) ? parseInt(w, 10) : /^\d+d$/.test(w) ? 24 * parseInt(w, 10) : 24) * HOUR));
  return args;
}

async function history(q) {
  const by = q.get('by') || null;
  const r = await json('report', ...(by ? ['--by', by] : []));
  const step = { hour: 1, day: 24, week: 168, month: 720 }[q.get('step') ?? 'day'] * HOUR;
  const steps = [];
  for (let t = START; t < END; t += step) {
    const f = (step / (END - START)) * (0.8 + 0.4 * noise(t)) * (step === HOUR ? wave(t) : 1);
    steps.push({
      start: iso(t), end: iso(t + step), complete: t + step < END,
      rows: by ? r.rows.map((x) => ({ key: Object.values(x.key), cost: scale(x.cost, f), gpuHours: scale(x.gpuHours, f) })) : [],
      total: { cost: scale(r.total.cost, f), gpuHours: scale(r.total.gpuHours, f) },
    });
  }
  const c = scale(r.total.cost, 1 / 168);
  return { apiVersion: 'gpuwise/v1', kind: 'History', window: { start: iso(START), end: iso(END) }, step: q.get('step') ?? 'day', by: by ? by.split(',') : [], steps,
    corrections: [{ at: iso(END - 5 * HOUR), hour: iso(END - 30 * HOUR), cluster: 'demo', reason: 'late samples', before: scale(c, 0.9), after: c }] };
}

async function fleet() {
  const r = await json('report', '--by', 'cluster,node,gpu,namespace,pod');
  const hours = Array.from({ length: 168 }, (_, i) => iso(START + i * HOUR));
  const nodes = new Map();
  for (const x of r.rows) {
    const k = x.key;
    if (!k.gpu || k.gpu.startsWith('__')) continue;
    if (!nodes.has(k.node)) nodes.set(k.node, { name: k.node, cluster: k.cluster, instanceType: noise(k.node) < 0.5 ? 'p5.48xlarge' : 'g5.xlarge', region: 'us-east-1', capacity: noise(k.node) < 0.3 ? 'spot' : 'on-demand', hourly: noise(`${k.node}h`) < 0.1 ? null : 10, gpus: new Map() });
    const n = nodes.get(k.node);
    const uuid = k.gpu.split('/')[0];
    if (!n.gpus.has(uuid)) n.gpus.set(uuid, { uuid, index: n.gpus.size, model: 'NVIDIA H100', memoryMib: 81559, units: new Map() });
    const g = n.gpus.get(uuid);
    const uid = k.gpu;
    if (!g.units.has(uid)) g.units.set(uid, { id: uid, profile: uid.includes('/') ? '1g.10gb' : null, weight: uid.includes('/') ? 1 / 7 : 1, sharing: noise(`${uid}s`) < 0.2 ? 'time-slicing' : 'none', holders: [], rows: [] });
    const u = g.units.get(uid);
    if (!k.pod.startsWith('__')) { u.holders.push({ namespace: k.namespace, pod: k.pod, workload: k.pod.replace(/-[a-z0-9]+$/, ''), team: x.owner.team ?? null }); u.rows.push(x); }
  }
  const series = (u, what) => hours.map((_, i) => {
    if (u.rows.length === 0) return what === 'cost' ? 1.2 : 0;
    const x = u.rows[0];
    if (noise(u.id + Math.floor(i / 9)) < 0.06) return null;
    if (what === 'cost') return x.cost.bill === null ? null : x.cost.bill / x.gpuHours.paid;
    const m = x[what].mean;
    return m === null ? null : Math.min(1, m * (what === 'compute' ? wave(START + i * HOUR) * (0.6 + 0.8 * noise(u.id + i)) : 1));
  });
  return { hours, nodes: [...nodes.values()].map((n) => ({ ...n, gpus: [...n.gpus.values()].map((g) => ({ ...g, units: [...g.units.values()].map((u) => {
    const compute = series(u, 'compute'); const memory = series(u, 'memory');
    const { rows, ...rest } = u; void rows;
    return { ...rest, compute, memory, cost: series(u, 'cost'), holder: compute.map((_, i) => (u.holders.length === 0 || noise(`${u.id}h${Math.floor(i / 20)}`) < 0.1 ? null : Math.floor((i / 168) * u.holders.length))),
      state: compute.map((c, i) => (c === null || memory[i] === null ? 'unknown' : `${c >= 0.5 ? 'high' : 'low'}${memory[i] >= 0.5 ? 'High' : 'Low'}`)) };
  }) })) })) };
}

function budgets() {
  const make = (name, by, amount, spent, state, forecast, why = '') => ({
    name, by, period: 'monthly', periodStart: '2026-09-01T00:00:00Z', periodEnd: '2026-10-01T00:00:00Z', amount, spent, share: spent === null ? null : spent / amount, forecast,
    thresholds: [0.5, 0.8, 0.95].map((at) => ({ at, kind: 'actual', reached: spent !== null && spent / amount >= at, reachedAt: spent / amount >= at ? '2026-09-09T12:00:00Z' : null })).concat([{ at: 1, kind: 'forecast', reached: !!forecast && forecast.mean >= amount, reachedAt: null }]),
    series: Array.from({ length: 13 }, (_, i) => ({ day: iso(Date.parse('2026-09-01T00:00:00Z') + i * 24 * HOUR).slice(0, 10), spent: spent === null ? null : i === 4 ? null : (spent / 13) * (0.8 + 0.4 * noise(name + i)) })), state, why });
  return { budgets: [
    make('research', { team: 'research' }, 40000, 15636.356933, 'warning', { low: 34100, mean: 36900.5, high: 41200 }),
    make('assistant', { team: 'assistant' }, 12000, 14670.616398, 'exceeded', { low: 33000, mean: 34800, high: 37000 }),
    make('plant', { team: 'plant-systems' }, 500, null, 'unknown', null, 'no price list knows the instance types of its nodes'),
    make('everything', {}, 250000, 47034.856754, 'ok', { low: 101000, mean: 109700, high: 118000 }),
  ] };
}

const anomalies = { anomalies: [
  { id: 'a1', at: iso(START + 100 * HOUR), end: iso(START + 106 * HOUR), metric: 'cost', scope: { cluster: 'prod-use1', team: 'research' }, observed: 182.12, expected: 91.5, low: 80, high: 104, score: 7.9, impact: 512.4, explanation: [{ key: 'research/raycluster-llm-dpo', before: 51, after: 139.2, delta: 88.2 }], state: 'closed' },
  { id: 'a2', at: iso(START + 160 * HOUR), end: null, metric: 'utilisation', scope: { cluster: 'prod-weu', team: 'vision' }, observed: 0.04, expected: 0.31, low: 0.2, high: 0.42, score: 5.1, impact: null, explanation: [], state: 'open' },
] };

const actions = () => ({ actions: [...followed,
  { id: 'release-node/gpu-7', kind: 'release-node', summary: 'node gpu-7 given back', acceptedAt: '2026-09-08T10:00:00Z', acceptedBy: 'ci', predictedMonthly: { low: 512.28, high: 516.3174 },
    checks: [{ days: 1, dueAt: '2026-09-09T10:00:00Z', state: 'done', predicted: 16.9, realised: 15.2, demandFactor: 1.02, note: null }, { days: 7, dueAt: '2026-09-15T10:00:00Z', state: 'pending', predicted: 118.7, realised: null, demandFactor: null, note: null }, { days: 30, dueAt: '2026-10-08T10:00:00Z', state: 'pending', predicted: 508, realised: null, demandFactor: null, note: null }] },
  { id: 'time-slicing/lab', kind: 'time-slicing', summary: '3 pods on 1 board', acceptedAt: '2026-09-07T10:00:00Z', acceptedBy: null, predictedMonthly: { low: 1662, high: 1676 },
    checks: [{ days: 1, dueAt: '2026-09-08T10:00:00Z', state: 'done', predicted: 54.9, realised: -3.2, demandFactor: 1.4, note: 'the node came back' }, { days: 7, dueAt: '2026-09-14T10:00:00Z', state: 'unknown', predicted: 385, realised: null, demandFactor: null, note: 'no price' }] }] });

const spot = { targets: { training: 0.6, inference: 0.4 }, rows: [{ class: 'training', spotHours: 320.5, onDemandHours: 410, unknownHours: 0, coverage: 0.4387 }, { class: 'inference', spotHours: 120, onDemandHours: 900, unknownHours: 12, coverage: 0.1176 }, { class: 'notebook', spotHours: null, onDemandHours: null, unknownHours: 40, coverage: null }] };

const status = () => ({ version: '0.1.0', cluster: 'demo', state: process.env.STATE ?? 'ready', reasons: process.env.STATE ? ['no answer from Prometheus for 20 min'] : [], now: iso(END), window: { start: iso(START), end: iso(END) }, lastTurn: { at: iso(END), ok: true, message: null, cpuMs: 12 }, data: { newest: iso(END - 60e3), ageSeconds: 60, stale: false }, lastClosedHour: iso(END - 2 * HOUR), hoursClosed: 166, store: { kind: 'sqlite', ok: true, message: null }, source: 'sample fleet (seed 1)', kubernetes: 'none', auth: { role: 'admin' }, generation: 1 });

async function answer(req, url) {
  const q = url.searchParams;
  const path = url.pathname.replace(/^\/api\/v1\//, '');
  if (req.method === 'POST' && path === 'actions') {
    let body = '';
    for await (const c of req) body += c;
    followed.push({ id: JSON.parse(body).id, kind: 'x', summary: 'accepted here', acceptedAt: iso(END), acceptedBy: 'you', predictedMonthly: { low: 1, high: 2 }, checks: [] });
    return {};
  }
  if (req.method === 'DELETE') return followed.pop() ?? {};
  switch (path) {
    case 'status': return status();
    case 'report': return q.get('format') === 'csv' ? { csv: await cli('report', ...common(q), '-o', 'csv') } : json('report', ...common(q));
    case 'plan': return json('plan');
    case 'plan/manifests': return { action: q.get('action'), files: [{ path: 'README.md', content: '# What this does\n\nGives back a node.\n' }, { path: 'patches/node.yaml', content: 'apiVersion: v1\nkind: Node\nspec:\n  unschedulable: true\n' }] };
    case 'explain': return json('explain', q.get('subject'));
    case 'prices': { const r = await json('report'); return { window: r.window, prices: r.prices, unknown: r.unknowns.filter((u) => u.what.startsWith('price')) }; }
    case 'history': return history(q);
    case 'fleet': return fleet();
    case 'budgets': return budgets();
    case 'anomalies': return anomalies;
    case 'actions': return actions();
    case 'spot': return spot;
    default: return null;
  }
}

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const server = createServer(async (req, res) => {
  const url = new URL(req.url, 'http://x');
  const q = url.searchParams;
  const send = (code, type, body) => {
    const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
    if (req.headers['if-none-match'] === etag) return res.writeHead(304, { ETag: etag }).end();
    res.writeHead(code, { 'Content-Type': type, 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff', ETag: etag }).end(body);
  };
  try {
    if (url.pathname.startsWith('/api/')) {
      const a = await answer(req, url);
      if (a === null) return send(404, 'application/json', JSON.stringify({ error: { code: 'not-found', message: `no such address: ${url.pathname}` } }));
      if (q.get('format') === 'csv' && !a.csv) {
        const rows = Object.values(a).filter((x) => Array.isArray(x) && typeof x[0] === 'object').sort((x, y) => y.length - x.length)[0] ?? [];
        a.csv = `${Object.keys(rows[0] ?? {}).join(',')}\n${rows.map((r) => Object.values(r).map((v) => (typeof v === 'object' ? '' : v)).join(',')).join('\n')}\n`;
      }
      return a.csv ? send(200, 'text/csv', a.csv) : send(200, 'application/json', JSON.stringify(a));
    }
    const file = join(dist, normalize(url.pathname === '/' ? '/index.html' : url.pathname));
    send(200, TYPES[extname(file)] ?? 'application/octet-stream', await readFile(file));
  } catch (e) {
    const message = String(e.stderr || e.message).trim();
    send(e.code === 'ENOENT' ? 404 : 400, 'application/json', JSON.stringify({ error: { code: 'bad-request', message } }));
  }
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
