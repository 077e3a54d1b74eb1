/* The dashboard in a real Chromium, against a running gpuwise.
 *
 * usage: node tests/browser.mjs [--base URL] [--mock] [--only TEXT] [--program FILE]
 *
 * Without --base it starts `gpuwise serve --demo` on a port of its own and stops it at the end. Prints TAP. Every page that is
 * opened fails the test that opened it when it asks another host for anything, breaks the Content-Security-Policy,
 * or throws. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { CHROMIUM, CHROMIUM_ARGS, serve } from './server.mjs';

const option = (name) => {
  const i = process.argv.indexOf(`--${name}`);
  return i < 0 ? undefined : process.argv[i + 1];
};
const flag = (name) => process.argv.includes(`--${name}`);
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PAGES = ['overview', 'breakdown', 'fleet', 'states', 'plan', 'savings', 'budgets', 'anomalies', 'spot', 'prices'];
const TEST_MS = 90_000;
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* ---- the server ---- */

let base;

const api = async (path) => {
  const r = await fetch(new URL(`api/v1/${path}`, base));
  assert.ok(r.ok, `${path}: ${r.status} ${await r.clone().text()}`);
  return r.json();
};

/* ---- pages ---- */

let browser;
let faults = [];

async function open(hash, { theme = 'light', width = 1400, height = 900, prepare, motion } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: motion ?? 'reduce', acceptDownloads: true });
  const page = await context.newPage();
  const host = new URL(base).host;
  page.on('request', (r) => {
    const u = new URL(r.url());
    if (u.protocol !== 'blob:' && u.protocol !== 'data:' && u.host !== host) faults.push(`asked another host: ${r.url()}`);
  });
  page.on('pageerror', (e) => faults.push(`threw: ${e.stack ?? e.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error' && /Content Security Policy|Refused/.test(m.text())) faults.push(m.text());
  });
  await page.exposeFunction('gwCsp', (text) => faults.push(`CSP: ${text}`));
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => window.gwCsp(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`)));
  if (prepare) await prepare(page, context);
  await page.goto(new URL(hash, base).href);
  await settled(page);
  return page;
}

/** Nothing is loading any more. */
async function settled(page) {
  await page.waitForSelector('main h1');
  await page.waitForFunction(() => !document.querySelector('main .skeleton'), null, { timeout: 30_000 });
  await page.waitForTimeout(120);
}

const dollars = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
/* decimal text, not our own rounding: the API writes six decimals, and half up on them is what the page shall show */
function cents(v) {
  if (v === null) return 'unknown';
  const micro = BigInt(Math.round(Math.abs(v) * 1e6));
  const c = (micro + 5000n) / 10000n;
  return (v < 0 && c ? '−' : '') + dollars.format(Number(c) / 100);
}
const share = (v) => (v === null ? 'unknown' : `${(v * 100).toFixed(1)} %`);

/** What stands in a row of a table, cell by cell. */
const cellsOf = (row) => row.locator('th,td').allInnerTexts().then((a) => a.map((t) => t.trim()));

async function axe(page, what) {
  await page.evaluate(axeSource);
  const r = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const bad = r.violations.map((v) => `${v.id} (${v.impact}): ${v.help}\n` + v.nodes.slice(0, 4).map((n) => `      ${n.html.slice(0, 160)}\n        ${n.failureSummary?.split('\n').slice(1, 3).join(' ')}`).join('\n'));
  assert.equal(bad.length, 0, `${what}: ${bad.length} violations\n    ${bad.join('\n    ')}`);
}

/* ---- the tests ---- */

const tests = [];
const test = (name, run) => tests.push({ name, run });

for (const theme of ['light', 'dark'])
  for (const id of PAGES)
    test(`axe finds nothing on ${id}, ${theme}`, async () => {
      const page = await open(`#/${id}`, { theme });
      assert.equal(await page.locator('main [role=alert]').count(), 0, await page.locator('main').innerText());
      assert.match(await page.title(), /gpuwise/);
      await axe(page, id);
    });

test('axe finds nothing where details, tables and filters are open', async () => {
  const row = (await api('report?by=namespace,pod')).rows.find((r) => r.cost.bill !== null && !r.key.pod.startsWith('__'));
  const gpu = (await api('fleet')).nodes.flatMap((n) => n.gpus)[0].uuid;
  const action = (await api('plan')).actions[0].id;
  const hashes = [
    `#/breakdown?by=pod&sel=${encodeURIComponent(`${row.key.namespace}/${row.key.pod}`)}&path=${encodeURIComponent(`namespace=${row.key.namespace}`)}`,
    `#/breakdown?by=pod&sel=${encodeURIComponent(`${row.key.namespace}/${row.key.pod}`)}`,
    `#/plan?action=${encodeURIComponent(action)}&file=0`,
    `#/fleet?colour=owner&gpu=${gpu}&fleet.table=1`,
    '#/overview?step=hour&time.table=1&window=24h&namespace=nobody',
    '#/nowhere',
  ];
  for (const theme of ['light', 'dark'])
    for (const h of hashes) {
      const page = await open(h, { theme });
      await axe(page, `${h} (${theme})`);
      await page.context().close();
    }
});

test('the server sends the policy that the page was made for', async () => {
  const r = await fetch(base);
  assert.equal(r.status, 200);
  assert.match(r.headers.get('content-type'), /^text\/html/);
  const sent = new Set(r.headers.get('content-security-policy').split(';').map((s) => s.trim()).filter(Boolean));
  for (const d of CSP.split('; ')) assert.ok(sent.has(d), `the policy lacks "${d}": ${[...sent].join('; ')}`);
  const html = await r.text();
  assert.ok(!/<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=/.test(html), 'inline script or style in the page');
});

test('all files together are at most 200 kB of gzip', async () => {
  const html = await (await fetch(base)).text();
  const paths = ['', ...[...html.matchAll(/(?:src|href)="\.?\/?([^"]+)"/g)].map((m) => m[1])];
  let total = 0;
  for (const p of paths) {
    total += await new Promise((resolve, reject) => {
      get(new URL(p, base), { headers: { 'Accept-Encoding': 'gzip' } }, (r) => {
        assert.equal(r.statusCode, 200, p);
        if (!flag('mock')) assert.equal(r.headers['content-encoding'], 'gzip', `${p} is not gzip'd`);
        let n = 0;
        r.on('data', (b) => (n += b.length)).on('end', () => resolve(n));
      }).on('error', reject);
    });
  }
  assert.ok(total > 20_000, `only ${total} bytes: is the dashboard in this build?`);
  if (!flag('mock')) assert.ok(total <= 200_000, `${total} bytes`);
});

test('the totals of the page are those of the API, to the micro-dollar', async () => {
  const r = await api('report?by=namespace');
  const page = await open('#/overview');
  for (const part of ['bill', 'used', 'wasted', 'reclaimable', 'idle', 'unknown', 'overhead']) {
    const row = page.locator(`.ledger tr[data-part=${part}]`);
    const v = r.total.cost[part];
    const number = row.locator('td .num').first();
    assert.equal(await number.innerText(), cents(v), part);
    if (v !== null) assert.equal((await number.getAttribute('data-exact')).replace(/[$,]/g, ''), v.toFixed(6), part);
    const month = v === null ? null : (v * 730.5) / r.window.hours;
    assert.ok(Math.abs(Number((await row.locator('td').nth(3).innerText()).replace(/[$,]/g, '')) - month) < 0.006, `${part} a month`);
  }
  assert.equal(await page.locator('#total-bill').innerText(), cents(r.total.cost.bill));
  /* and the parts that the page shows add up to the bill that it shows */
  const exact = async (p) => BigInt((await page.locator(`.ledger tr[data-part=${p}] td .num`).first().getAttribute('data-exact')).replace(/\D/g, ''));
  let sum = 0n;
  for (const p of ['used', 'wasted', 'idle', 'unknown', 'overhead']) sum += await exact(p);
  assert.equal(sum, await exact('bill'));
});

test('every row of the breakdown is the row of the API', async () => {
  for (const by of ['namespace', 'team', 'model', 'node']) {
    const r = await api(`report?by=${by}`);
    const page = await open(`#/breakdown?by=${by}`);
    const rows = page.locator('#app .panel table tbody tr');
    assert.equal(await rows.count(), Math.min(25, r.rows.length), by);
    for (let i = 0; i < Math.min(25, r.rows.length); i++) {
      const cells = await cellsOf(rows.nth(i));
      const x = r.rows[i];
      const want = [x.cost.bill, null, x.cost.used, x.cost.wasted, x.cost.reclaimable, x.cost.idle, x.cost.unknown];
      for (const [k, v] of want.entries()) if (k !== 1) assert.equal(cells[3 + k], cents(v), `${by} ${JSON.stringify(x.key)} column ${3 + k}`);
      assert.equal(cells[4], share(x.cost.bill === null ? null : x.cost.bill / r.total.cost.bill));
      assert.equal(cells[11], share(x.compute.mean));
      assert.equal(cells[12], share(x.memory.mean));
    }
    await page.context().close();
  }
});

test('what is not known says so, and is never zero', async () => {
  const r = await api('report?by=namespace');
  const at = r.rows.findIndex((x) => x.cost.bill === null);
  assert.ok(at >= 0 && at < 25, 'the sample fleet has a namespace without a price');
  const page = await open('#/breakdown?by=namespace');
  const row = page.locator('#app .panel table tbody tr').nth(at);
  const cells = await cellsOf(row);
  assert.deepEqual([...new Set(cells.slice(3, 10))], ['unknown']);
  assert.equal(await row.locator('.parts.none').count(), 1);
  /* in whichever order, unknown stands last */
  for (const sort of ['bill', '-bill']) {
    await page.goto(new URL(`#/breakdown?by=namespace&rows.sort=${sort}`, base).href);
    await settled(page);
    const bills = await page.locator('#app .panel table tbody tr td:nth-child(4)').allInnerTexts();
    const known = bills.filter((b) => b !== 'unknown');
    assert.deepEqual(bills.slice(0, known.length), known, sort);
    const n = known.map((b) => Number(b.replace(/[$,]/g, '')));
    assert.deepEqual(n, [...n].sort((a, b) => (sort === 'bill' ? a - b : b - a)));
  }
});

test('the filter by team is the team of the report', async () => {
  const r = await api('report?by=team');
  const team = r.rows.find((x) => !x.key.team.startsWith('__') && x.cost.bill !== null);
  const page = await open(`#/overview?team=${encodeURIComponent(team.key.team)}`);
  assert.equal(await page.locator('#total-bill').innerText(), cents(team.cost.bill));
  const deep = await open(`#/breakdown?by=workload&team=${encodeURIComponent(team.key.team)}`);
  const sum = (await deep.locator('table tbody tr td:nth-child(4) .num').evaluateAll((els) => els.map((e) => e.dataset.exact.replace(/\D/g, '')))).filter(Boolean).reduce((a, b) => a + BigInt(b), 0n);
  const pages = await deep.locator('.pager').count();
  if (!pages) assert.equal(sum, BigInt(Math.round(team.cost.bill * 1e6)));
});

test('the way down to a pod keeps the money together', async () => {
  const r = await api('report?by=namespace');
  const ns = r.rows.find((x) => !x.key.namespace.startsWith('__') && x.cost.bill !== null);
  const page = await open('#/breakdown');
  await page.getByRole('gridcell', { name: ns.key.namespace, exact: true }).getByRole('link').click();
  await settled(page);
  assert.match(page.url(), new RegExp(`sel=${ns.key.namespace}`));
  await page.getByRole('link', { name: 'Its workloads' }).click();
  await settled(page);
  const exact = async () =>
    (await page.locator('table tbody tr td:nth-child(4) .num').evaluateAll((els) => els.map((e) => (e.innerText === 'unknown' ? '0' : e.dataset.exact.replace(/\D/g, ''))))).reduce((a, b) => a + BigInt(b), 0n);
  assert.equal(await exact(), BigInt(Math.round(ns.cost.bill * 1e6)), 'workloads add up to the namespace');
  await page.locator('table tbody tr').first().locator('a').first().click();
  await settled(page);
  const bill = BigInt((await page.locator('.details dd .num').first().getAttribute('data-exact')).replace(/\D/g, ''));
  await page.getByRole('link', { name: 'Its pods' }).click();
  await settled(page);
  assert.equal(await exact(), bill, 'pods add up to the workload');
  await page.locator('table tbody tr').first().locator('a').first().click();
  await settled(page);
  await page.waitForSelector('.explain h3');
  assert.match(await page.locator('#explain').innerText(), /GPU/);
  await page.goBack();
  await settled(page);
  assert.equal(await page.locator('.explain').count(), 0, 'Back closes what was opened');
  assert.equal(await exact(), bill);
});

test('a link shows the same to whoever opens it', async () => {
  const page = await open('#/breakdown');
  await page.getByRole('button', { name: 'Workload', exact: true }).click();
  await settled(page);
  await page.getByLabel('Window').selectOption('24h');
  await settled(page);
  await page.getByRole('button', { name: 'Wasted', exact: true }).click();
  await settled(page);
  const next = page.getByRole('button', { name: 'Next page' });
  if (await next.isEnabled().catch(() => false)) await next.click();
  await settled(page);
  await page.locator('table tbody tr').nth(1).locator('a').first().click();
  await settled(page);
  const url = new URL(page.url());
  for (const k of ['by=workload', 'window=24h', 'rows.sort=-wasted', 'sel=']) assert.ok(url.hash.includes(k), `${k} in ${url.hash}`);
  const other = await open(url.hash);
  await page.waitForTimeout(300);
  assert.equal(await other.locator('main').innerText(), await page.locator('main').innerText());
  assert.equal(await other.getByLabel('Window').inputValue(), '24h');

  const hour = (await api('fleet')).hours[3];
  const states = ['#/overview?top=model&step=hour&time.table=1&findings.page=2', `#/fleet?at=${encodeURIComponent(hour)}&colour=memory&fleet.table=1`, '#/states?workloads.sort=compute', '#/plan?held.page=2', '#/prices?prices.sort=-hourly'];
  for (const h of states) {
    const a = await open(h);
    const b = await open(h);
    assert.equal(await a.locator('main').innerText(), await b.locator('main').innerText(), h);
    assert.equal(new URL(a.url()).hash, h, 'opening a link leaves it as it is');
    await a.context().close();
    await b.context().close();
  }
});

test('filters and window go along from page to page, the rest stays behind', async () => {
  const page = await open('#/breakdown?by=team&rows.sort=bill&window=24h&namespace=research');
  await page.getByRole('link', { name: 'Plan', exact: true }).click();
  await settled(page);
  assert.equal(new URL(page.url()).hash, '#/plan?namespace=research&window=24h');
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await settled(page);
  assert.equal(new URL(page.url()).hash, '#/plan?window=24h');
  await page.goBack();
  await page.goBack();
  await settled(page);
  assert.ok(new URL(page.url()).hash.startsWith('#/breakdown?by=team'));
});

test('a window of one’s own is asked for in UTC', async () => {
  const w = (await api('status')).window;
  const day = (t) => new Date(t).toISOString().slice(0, 16);
  const from = day(Date.parse(w.end) - 48 * 3600e3);
  const to = day(Date.parse(w.end) - 24 * 3600e3);
  const page = await open('#/overview');
  await page.getByLabel('Window').selectOption('custom');
  await page.getByLabel('From (UTC)').fill(from);
  await page.getByLabel('To (UTC)').fill(to);
  const asked = page.waitForRequest((r) => r.url().includes('/report?') && r.url().includes('window='));
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  assert.equal(new URL((await asked).url()).searchParams.get('window'), `${from}:00Z,${to}:00Z`);
  await settled(page);
  const r = await api(`report?by=namespace&window=${encodeURIComponent(`${from}:00Z,${to}:00Z`)}`);
  assert.equal(r.window.hours, 24);
  assert.equal(await page.locator('#total-bill').innerText(), cents(r.total.cost.bill));
});

/* ---- keyboard ---- */

const focused = (page) => page.evaluate(() => {
  const e = document.activeElement;
  return { tag: e.tagName, text: (e.innerText ?? '').trim().slice(0, 60), label: e.getAttribute('aria-label') ?? '', cls: e.getAttribute('class') ?? '' };
});

test('Tab reaches everything and is caught nowhere', async () => {
  for (const id of PAGES) {
    const page = await open(`#/${id}`);
    await page.evaluate(() => document.body.focus());
    const seen = [];
    let home = false;
    for (let i = 0; i < 260 && !home; i++) {
      await page.keyboard.press('Tab');
      const f = await page.evaluate(() => {
        const e = document.activeElement;
        if (!e || e === document.body) return null;
        const s = getComputedStyle(e);
        const mark = e.matches('.dot') ? getComputedStyle(e.querySelector('circle')).strokeWidth !== '1px' : s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0;
        return { what: `${e.tagName} ${(e.innerText ?? e.getAttribute('aria-label') ?? '').slice(0, 40)}`, mark, hidden: e.getBoundingClientRect().width === 0 };
      });
      if (!f) home = true;
      else {
        assert.ok(f.mark, `${id}: no sign of the focus on ${f.what}`);
        assert.ok(!f.hidden, `${id}: focus on something that is not seen: ${f.what}`);
        seen.push(f.what);
      }
    }
    assert.ok(home, `${id}: Tab did not come round in 260 steps; last: ${seen.slice(-3)}`);
    assert.ok(seen[0].includes('Skip'), seen[0]);
    assert.ok(seen.some((s) => s.includes('Prices')), 'navigation');
    await page.context().close();
  }
});

test('a page is opened by keyboard and takes the focus to its title', async () => {
  const page = await open('#/overview');
  await page.getByRole('link', { name: 'Breakdown' }).focus();
  await page.keyboard.press('Enter');
  await settled(page);
  const f = await focused(page);
  assert.equal(`${f.tag} ${f.text}`, 'H1 Breakdown');
});

test('a table is one stop, walked with arrows, and tells the formula of a number', async () => {
  const page = await open('#/breakdown');
  await page.getByRole('button', { name: 'Namespace', exact: true }).last().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.equal((await focused(page)).text, 'Bill');
  await page.keyboard.press('ArrowDown');
  const f = await focused(page);
  assert.equal(f.tag, 'TD');
  const r = await api('report?by=namespace');
  assert.equal(f.text, cents(r.rows[0].cost.bill));
  const tip = page.locator('#tip');
  await tip.waitFor({ state: 'visible' });
  const text = await tip.innerText();
  assert.ok(text.includes('hourly price × hours'), text);
  assert.ok(text.replace(/[$,]/g, '').includes(r.rows[0].cost.bill.toFixed(6)), text);
  assert.equal(await page.locator('[aria-describedby=tip]').count(), 1);
  await page.keyboard.press('Escape');
  await tip.waitFor({ state: 'hidden' });
  await page.keyboard.press('End');
  await page.keyboard.press('Home');
  assert.equal((await focused(page)).text, r.rows[0].key.namespace);
  await page.keyboard.press('Enter');
  await settled(page);
  assert.ok(page.url().includes(`sel=${r.rows[0].key.namespace}`));
  /* sorting keeps a way in */
  await page.getByRole('button', { name: 'Wasted', exact: true }).click();
  await settled(page);
  assert.equal(await page.locator('table').first().locator('[tabindex="0"]').count(), 1);
});

test('every number has its formula on hover, and the tooltip can be hovered', async () => {
  const page = await open('#/overview');
  for (const part of ['used', 'wasted', 'reclaimable', 'idle', 'unknown', 'overhead', 'bill']) {
    const number = page.locator(`.ledger tr[data-part=${part}] td .num`).first();
    await number.hover();
    await page.locator('#tip').waitFor({ state: 'visible' });
    const lines = (await page.locator('#tip').innerText()).split('\n');
    assert.equal(lines[0].toLowerCase(), part);
    assert.ok(lines.length >= 3, part);
  }
  await page.locator('#tip').hover();
  await page.waitForTimeout(400);
  assert.ok(await page.locator('#tip').isVisible(), 'stays while it is hovered');
  await page.mouse.move(5, 700);
  await page.locator('#tip').waitFor({ state: 'hidden' });
  const bare = await page.locator('main .num:not([data-f]):not([data-exact])').count();
  assert.equal(bare, 0, 'numbers without a formula');
});

test('the hours of the map are scrubbed by keyboard', async () => {
  const fleet = await api('fleet');
  const page = await open('#/fleet');
  const slider = page.getByRole('slider', { name: 'Hour' });
  await slider.focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  const want = fleet.hours[fleet.hours.length - 3];
  assert.equal(new URLSearchParams(new URL(page.url()).hash.split('?')[1]).get('at'), want);
  assert.ok((await slider.getAttribute('aria-valuetext')).startsWith(want.slice(0, 10)));
  await page.keyboard.press('Home');
  assert.ok((await page.locator('.scrubber output').innerText()).startsWith(fleet.hours[0].slice(0, 10)));
  await page.keyboard.press('End');
  assert.ok(!page.url().includes('at='));
  const entries = await page.evaluate(() => history.length);
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.evaluate(() => history.length), entries, 'the scrubber leaves no trail for Back');
});

test('the map has a tile for each GPU, a part for each unit, and hatches what is unknown', async () => {
  const fleet = await api('fleet');
  const gpus = fleet.nodes.flatMap((n) => n.gpus);
  const page = await open('#/fleet');
  assert.equal(await page.locator('.tile').count(), gpus.length);
  const last = fleet.hours.length - 1;
  /* what is there in the last hour; a board itself only where its instances leave something of it */
  const drawn = gpus.flatMap((g) => {
    const there = g.units.filter((u) => (u.state[last] ?? null) !== null);
    const cut = there.filter((u) => u.profile !== null);
    const rest = 1 - cut.reduce((a, u) => a + u.weight, 0);
    return there.filter((u) => u.profile !== null || rest > 0.01);
  });
  assert.equal(await page.locator('.tile > i:not(.nothing)').count(), drawn.length);
  assert.equal(await page.locator('.tile > i.p-unknown').count(), drawn.filter((u) => (u.compute[last] ?? null) === null).length);
  /* widths of the parts of a MIG board go by their weight */
  const isCut = (u) => u.profile !== null && (u.state[last] ?? null) !== null;
  for (const mig of gpus.filter((g) => g.units.some(isCut))) {
    const tile = page.locator(`.tile[href*="${mig.uuid}"]`);
    const widths = await tile.locator('> i').evaluateAll((els) => els.map((e) => e.getBoundingClientRect().width));
    const whole = widths.reduce((a, w) => a + w, 0);
    mig.units.filter(isCut).forEach((u, k) => assert.ok(Math.abs(widths[k] / whole - u.weight) < 0.06, `${mig.uuid} ${u.id}: ${widths[k] / whole} of the tile, ${u.weight} of the board`));
  }
  await page.locator('.tile').first().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  assert.match((await focused(page)).cls, /tile/);
  await page.keyboard.press('Enter');
  await settled(page);
  assert.match(page.url(), /gpu=/);
  await page.waitForSelector('figure .plot canvas');
});

/* ---- the plan ---- */

test('the plan shows the totals and the actions of the API', async () => {
  const p = await api('plan');
  const page = await open('#/plan');
  const text = await page.locator('#plan-saving').innerText();
  assert.equal(text, `${cents(p.saving.monthlyLow)} – ${cents(p.saving.monthlyHigh)}`);
  const chosen = p.actions.filter((a) => a.chosen);
  const rows = page.locator('.panel', { hasText: 'Actions, in the order' }).locator('tbody tr');
  assert.equal(await rows.count(), Math.min(25, chosen.length));
  const first = chosen[0];
  await rows.first().locator('a').click();
  await settled(page);
  const details = await page.locator('#action').innerText();
  for (const t of [first.text, first.rule, first.is, first.should, ...first.prerequisites]) assert.ok(details.includes(t), t);
  const m = await api(`plan/manifests?action=${encodeURIComponent(first.id)}`);
  await page.getByRole('button', { name: 'Show the manifests' }).click();
  await page.waitForSelector('.files pre');
  assert.deepEqual((await page.locator('.files li').allInnerTexts()).map((s) => s.trim()), m.files.map((f) => f.path));
  assert.equal(await page.locator('.files pre').evaluate((e) => e.textContent), m.files[0].content);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: /^Download (?!all)/ }).click();
  assert.equal(readFileSync(await (await download).path(), 'utf8'), m.files[0].content);
});

const asRole = (role) => (page) =>
  page.route('**/api/v1/status', async (r) => {
    const response = await r.fetch();
    const body = await response.json();
    await r.fulfill({ response, headers: { 'content-type': 'application/json' }, json: { ...body, auth: { role } } });
  });

test('only an admin can accept an action; it is then followed, and can be let go', async () => {
  const p = await api('plan');
  const id = p.actions.find((a) => a.chosen).id;
  const reader = await open(`#/plan?action=${encodeURIComponent(id)}`, { prepare: asRole('read') });
  assert.equal(await reader.getByRole('button', { name: /Accept/ }).count(), 0);
  const page = await open(`#/plan?action=${encodeURIComponent(id)}`, { prepare: asRole('admin') });
  const sent = page.waitForResponse((r) => r.request().method() === 'POST');
  await page.getByRole('button', { name: 'Accept and follow' }).click();
  const r = await sent;
  assert.ok(r.ok(), `${r.status()} ${await r.text()}`);
  assert.deepEqual(r.request().postDataJSON(), { id });
  await page.getByRole('button', { name: 'Stop following' }).waitFor();
  const savings = await open('#/savings', { prepare: asRole('admin') });
  assert.ok((await savings.locator('main').innerText()).includes(id));
  await axe(savings, 'savings with an action');
  await page.getByRole('button', { name: 'Stop following' }).click();
  await page.getByRole('button', { name: 'Accept and follow' }).waitFor();
  if (!flag('mock')) assert.ok(!(await api('actions')).actions.some((a) => a.id === id && !a.stoppedAt));
});

/* ---- tables and plots ---- */

test('every table can be had as CSV, and the file has every row', async () => {
  const quick = { overview: '#/overview?time.table=1', fleet: '#/fleet?fleet.table=1' };
  for (const id of PAGES) {
    const page = await open(quick[id] ?? `#/${id}`);
    for (const box of await page.locator('.table').all()) {
      const table = box.locator('table');
      if ((await table.count()) === 0) continue;
      const csv = box.locator('.csv');
      assert.equal(await csv.count(), 1, `${id}: a table without CSV: ${await table.getAttribute('aria-label')}`);
      const pager = box.locator('.pager span');
      const rows = (await pager.count()) ? Number(/of (\d+)/.exec(await pager.innerText())[1]) : await table.locator('tbody tr').count();
      const link = await csv.getAttribute('href');
      let text;
      if (link) {
        const r = await fetch(new URL(link, base));
        assert.equal(r.status, 200, link);
        assert.match(r.headers.get('content-type'), /^text\/csv/, link);
        text = await r.text();
      } else {
        const download = page.waitForEvent('download');
        await csv.click();
        text = readFileSync(await (await download).path(), 'utf8');
      }
      assert.ok(text.trim().split(/\r?\n/).length >= rows + 1, `${id}: ${await table.getAttribute('aria-label')}: ${rows} rows, but the file has fewer:\n${text.slice(0, 400)}`);
    }
    await page.context().close();
  }
});

test('every plot is a figure with a caption and its data as a table', async () => {
  for (const id of ['overview', 'fleet', 'states', 'budgets', 'anomalies']) {
    const page = await open(`#/${id}`);
    const canvases = await page.locator('.plot canvas, .scatter, .map').count();
    const figures = page.locator('figure');
    assert.equal(await figures.count(), canvases, `${id}: figures`);
    for (const f of await figures.all()) {
      assert.ok((await f.locator('figcaption').innerText()).length > 20);
      const more = f.locator('summary');
      if (await more.count()) await more.click();
      await f.locator('table').first().waitFor();
    }
    await page.context().close();
  }
});

test('the history of the page is the history of the API, step by step', async () => {
  const h = await api('history?step=day');
  const page = await open('#/overview?step=day&time.table=1');
  if (h.steps.length === 0) return assert.match(await page.locator('main').innerText(), /No hour of this window is closed/);
  const rows = page.locator('figure tbody tr');
  assert.equal(await rows.count(), Math.min(25, h.steps.length));
  for (let i = 0; i < Math.min(25, h.steps.length); i++) {
    const cells = await cellsOf(rows.nth(i));
    const c = h.steps[i].total.cost;
    assert.deepEqual(cells.slice(2), [c.bill, c.used, c.wasted, c.idle, c.unknown, c.overhead].map(cents), h.steps[i].start);
    assert.equal(cells[1], h.steps[i].complete ? 'yes' : 'not yet');
  }
});

/* ---- when things go wrong ---- */

const failWith = (glob, status, error) => (page) => page.route(glob, (r) => r.fulfill({ status, json: { error } }));

test('an error shows what the server said, and trying again helps', async () => {
  let broken = true;
  const page = await open('#/plan', {
    prepare: (p) => p.route('**/api/v1/plan', (r) => (broken ? r.fulfill({ status: 503, json: { error: { code: 'unavailable', message: 'no plan on stale data: newest sample is 3 h old' } } }) : r.continue())),
  });
  const alert = page.locator('main [role=alert]');
  assert.match(await alert.innerText(), /503 unavailable no plan on stale data: newest sample is 3 h old/);
  await axe(page, 'an error');
  broken = false;
  await alert.getByRole('button', { name: 'Try again' }).click();
  await page.locator('#plan-saving').waitFor();
  assert.equal(await alert.count(), 0);
});

test('an error leaves the last good numbers on the page', async () => {
  const page = await open('#/overview');
  const before = await page.locator('#total-bill').innerText();
  await page.route('**/api/v1/report**', (r) => r.fulfill({ status: 500, body: 'not json' }));
  await page.route('**/api/v1/status', async (r) => r.fulfill({ json: { ...(await api('status')), generation: 987654 } }));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.locator('main [role=alert]').first().waitFor();
  assert.match(await page.locator('main [role=alert]').first().innerText(), /the server answered 500/);
  assert.equal(await page.locator('#total-bill').innerText(), before);
});

test('a server that wants a token is given one, and only it', async () => {
  let seen = null;
  const page = await open('#/overview', {
    prepare: (p) =>
      p.route('**/api/v1/**', (r) => {
        seen = r.request().headers().authorization ?? null;
        return seen === 'Bearer s3cret' ? r.continue() : r.fulfill({ status: 401, json: { error: { code: 'unauthorized', message: 'a bearer token is needed' } } });
      }),
  });
  assert.match(await page.locator('main').innerText(), /wants a token/);
  await axe(page, 'the form for the token');
  await page.getByLabel('Bearer token').fill('s3cret');
  await page.keyboard.press('Enter');
  await page.locator('#total-bill').waitFor();
  assert.equal(seen, 'Bearer s3cret');
  assert.ok(!page.url().includes('s3cret'));
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage)).then((s) => s.includes('s3cret')), false);
  /* a link carries no token: the page fetches the file itself */
  const download = page.waitForEvent('download');
  await page.locator('a.csv').first().click();
  assert.match(readFileSync(await (await download).path(), 'utf8'), /bill/i);
});

test('stale, starting and failing data, and a store that is down, are said', async () => {
  const status = await api('status');
  const show = async (patch) => {
    const page = await open('#/overview', { prepare: (p) => p.route('**/api/v1/status', (r) => r.fulfill({ json: { ...status, ...patch } })) });
    const text = await page.locator('.banners').innerText();
    const state = await page.locator('.state').innerText();
    await axe(page, JSON.stringify(patch));
    await page.context().close();
    return `${state.trim()}: ${text}`;
  };
  assert.match(await show({ state: 'stale', data: { newest: status.now, ageSeconds: 7200, stale: true } }), /^Stale: .*2 h old/s);
  assert.match(await show({ state: 'starting', reasons: ['first window is read'] }), /^Starting: .*first window is read/s);
  assert.match(await show({ state: 'failing', lastTurn: { at: status.now, ok: false, message: 'prometheus: connection refused', cpuMs: 1 } }), /^Failing: .*connection refused/s);
  assert.match(await show({ store: { kind: 'postgres', ok: false, message: 'connection lost' } }), /store is down.*connection lost/s);
  const gone = await open('#/overview', { prepare: (p) => p.route('**/api/v1/**', (r) => r.abort()) });
  assert.match(await gone.locator('.banners').innerText(), /cannot be reached/);
});

test('new data is fetched when the generation changes, by ETag, and not while hidden', async () => {
  const status = await api('status');
  let generation = 1;
  let polls = 0;
  let reports = 0;
  const page = await open('#/prices', {
    prepare: async (p) => {
      await p.clock.install();
      await p.route('**/api/v1/status', (r) => {
        polls++;
        return r.fulfill({ json: { ...status, generation } });
      });
      await p.route('**/api/v1/prices', async (r) => {
        reports++;
        if (reports > 1) {
          assert.equal(r.request().headers()['if-none-match'], '"one"');
          return r.fulfill({ status: 304, headers: { etag: '"one"' } });
        }
        return r.fulfill({ json: await api('prices'), headers: { etag: '"one"' } });
      });
    },
  }).catch((e) => {
    throw e;
  });
  const rows = await page.locator('table tbody tr').count();
  assert.ok(rows > 0);
  const first = polls;
  await page.clock.runFor(16_000);
  await page.waitForTimeout(200);
  assert.equal(polls, first + 1, 'a poll every 15 s');
  assert.equal(reports, 1, 'nothing is new');
  generation = 2;
  await page.clock.runFor(16_000);
  await page.waitForTimeout(300);
  assert.equal(reports, 2, 'something is new');
  assert.equal(await page.locator('table tbody tr').count(), rows, '304 keeps what is there');
  await page.evaluate(() => Object.defineProperty(document, 'hidden', { value: true, configurable: true }));
  const before = polls;
  await page.clock.runFor(120_000);
  await page.waitForTimeout(200);
  assert.ok(polls <= before + 1, `${polls - before} polls while hidden`);
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: false, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await page.waitForTimeout(200);
  assert.ok(polls > before, 'asks again when seen again');
});

test('empty answers say what to do', async () => {
  const none = (glob, json) => (p) => p.route(glob, (r) => r.fulfill({ json }));
  const cases = [
    ['#/budgets', '**/api/v1/budgets', { budgets: [] }, /configuration/],
    ['#/savings', '**/api/v1/actions', { actions: [] }, /plan/],
    ['#/anomalies', '**/api/v1/anomalies', { anomalies: [] }, /out of the usual/],
    ['#/spot', '**/api/v1/spot', { targets: {}, rows: [] }, /closed hour/],
    ['#/fleet', '**/api/v1/fleet', { hours: [], nodes: [] }, /longer window/],
  ];
  for (const [hash, glob, json, want] of cases) {
    const page = await open(hash, { prepare: none(glob, json) });
    assert.match(await page.locator('main').innerText(), want, hash);
    await axe(page, `${hash}, empty`);
    await page.context().close();
  }
});

test('budgets draw what is spent, the band and the unknown', async () => {
  const series = Array.from({ length: 10 }, (_, i) => ({ day: `2026-09-${String(i + 1).padStart(2, '0')}`, spent: 100 }));
  const make = (name, patch) => ({ name, by: { team: name }, period: 'monthly', periodStart: '2026-09-01T00:00:00Z', periodEnd: '2026-10-01T00:00:00Z', amount: 2000, spent: 1000, share: 0.5, forecast: { low: 2800, mean: 3000.5, high: 3200 }, thresholds: [{ at: 0.5, kind: 'actual', reached: true, reachedAt: '2026-09-10T23:00:00Z' }, { at: 1, kind: 'forecast', reached: true, reachedAt: null }], series, state: 'warning', why: null, ...patch });
  const budgets = [make('a', {}), make('b', { spent: null, share: null, forecast: null, state: 'unknown', why: 'no price', series: series.map((s, i) => (i === 5 ? { ...s, spent: null } : s)) })];
  const prepare = (p) => p.route('**/api/v1/budgets', (r) => r.fulfill({ json: { budgets } }));
  const page = await open('#/budgets?course.table=1', { prepare });
  assert.match(await page.locator('main').innerText(), /\$3,000\.50/);
  assert.match(await page.locator('main').innerText(), /\$2,800\.00 – \$3,200\.00, 150 % of the budget/);
  const rows = page.locator('figure tbody tr');
  assert.deepEqual(await cellsOf(rows.last()), ['2026-09-10', '$100.00', '$1,000.00']);
  await axe(page, 'a budget');
  const other = await open('#/budgets?budget=b&course.table=1', { prepare });
  const last = await cellsOf(other.locator('figure tbody tr').last());
  assert.deepEqual(last, ['2026-09-10', '$100.00', '≥ $900.00'], 'a lower bound after an unknown day');
  assert.deepEqual(await cellsOf(other.locator('figure tbody tr').nth(5)), ['2026-09-06', 'unknown', 'unknown']);
  assert.equal(await other.locator('.figures .is-unknown').count(), 3);
});

test('names that look like markup stay text', async () => {
  const evil = '<img src=x onerror=alert(1)>';
  const r = await api('report?by=namespace');
  r.rows[0].key.namespace = evil;
  r.findings[0].text = evil;
  const page = await open('#/overview', { prepare: (p) => p.route('**/api/v1/report**', (x) => x.fulfill({ json: r })) });
  assert.equal(await page.locator('main img').count(), 0);
  assert.ok((await page.locator('main').innerText()).includes(evil));
});

/* ---- looks ---- */

test('light and dark follow the system, and the choice of the reader comes first and stays', async () => {
  const page = await open('#/overview', { theme: 'dark' });
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await back();
  await page.getByRole('button', { name: /Colours/ }).click();
  const light = await back();
  assert.notEqual(light, dark);
  await page.reload();
  await settled(page);
  assert.equal(await back(), light);
  await page.getByRole('button', { name: /Colours/ }).click();
  assert.equal(await back(), dark);
});

test('nothing moves for those who want nothing to move', async () => {
  const page = await open('#/overview', { motion: 'reduce', prepare: (p) => p.route('**/api/v1/history**', () => new Promise(() => undefined)) }).catch(() => null);
  /* the history never comes, so a skeleton stays: it must hold still */
  const still = page ?? browser.contexts().at(-1).pages()[0];
  assert.ok((await still.locator('.skeleton').count()) > 0);
  assert.equal(await still.evaluate(() => document.getAnimations().length), 0);
  await still.unrouteAll({ behavior: 'ignoreErrors' });
});

test('a narrow window scrolls down, not sideways', async () => {
  for (const id of PAGES) {
    const page = await open(`#/${id}`, { width: 360, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${id} is ${over} px too wide`);
    await page.context().close();
  }
});

test('each page is there within six seconds, however busy the machine', async () => {
  for (const id of PAGES) {
    const began = Date.now();
    const page = await open(`#/${id}`);
    const took = Date.now() - began;
    assert.ok(took < (flag('mock') ? 20_000 : 6_000), `${id} took ${took} ms`);
    await page.context().close();
  }
});

/* ---- running them ---- */

async function main() {
  if (!existsSync(CHROMIUM)) {
    console.log(`1..1\nok 1 - the dashboard in a browser # SKIP no Chromium at ${CHROMIUM}: apt-get install chromium, or set CHROMIUM`);
    return 0;
  }
  server = await serve({ url: option('base'), mock: flag('mock') && !option('base'), program: option('program') });
  base = server.base;
  browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  const only = option('only');
  const chosen = tests.filter((t) => !only || t.name.includes(only));
  console.log(`1..${chosen.length}`);
  let failed = 0;
  for (const [i, t] of chosen.entries()) {
    faults = [];
    const began = Date.now();
    let problem = null;
    let timer;
    try {
      await Promise.race([t.run(), new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`not done in ${TEST_MS / 1000} s`)), TEST_MS)))]);
      if (faults.length) problem = faults.join('\n');
    } catch (e) {
      problem = `${e.stack ?? e}\n${faults.join('\n')}`;
    }
    clearTimeout(timer);
    for (const c of browser.contexts()) await c.close().catch(() => undefined);
    if (problem) failed++;
    console.log(`${problem ? 'not ok' : 'ok'} ${i + 1} - ${t.name} (${Date.now() - began} ms)`);
    if (problem) console.log(problem.split('\n').slice(0, 30).map((l) => `# ${l}`).join('\n'));
  }
  console.log(`# ${chosen.length - failed} passed, ${failed} failed`);
  return failed ? 1 : 0;
}

let server;
let code = 1;
try {
  code = await main();
} catch (e) {
  console.log(`Bail out! ${e.stack ?? e}`);
} finally {
  await browser?.close().catch(() => undefined);
  server?.stop();
}
process.exit(code);
