/* What stands around every page: navigation, window and filters, the state of the data. */
import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { setToken, status, token, useQuery } from './api';
import { duration, time } from './format';
import { href, param, route, setParams } from './route';
import type { Report } from './types';
import { theme, setTheme, type Theme } from './ui/theme';
import { Anomalies } from './pages/anomalies';
import { Breakdown } from './pages/breakdown';
import { Budgets } from './pages/budgets';
import { Fleet } from './pages/fleet';
import { Overview } from './pages/overview';
import { PlanPage } from './pages/plan';
import { PricesPage } from './pages/prices';
import { Savings } from './pages/savings';
import { SpotPage } from './pages/spot';
import { StatesPage } from './pages/states';

interface Page {
  id: string;
  title: string;
  body: ComponentType;
  /** filters that this page does not know: it says so when one is set */
  ignores?: readonly string[];
}

export const PAGES: readonly Page[] = [
  { id: 'overview', title: 'Overview', body: Overview },
  { id: 'breakdown', title: 'Breakdown', body: Breakdown },
  { id: 'fleet', title: 'Fleet map', body: Fleet, ignores: ['selector'] },
  { id: 'states', title: 'Four states', body: StatesPage },
  { id: 'plan', title: 'Plan', body: PlanPage, ignores: ['cluster', 'namespace', 'team', 'selector'] },
  { id: 'savings', title: 'Savings', body: Savings, ignores: ['window', 'cluster', 'namespace', 'team', 'selector'] },
  { id: 'budgets', title: 'Budgets', body: Budgets, ignores: ['window', 'cluster', 'namespace', 'team', 'selector'] },
  { id: 'anomalies', title: 'Anomalies', body: Anomalies, ignores: ['cluster', 'namespace', 'team', 'selector'] },
  { id: 'spot', title: 'Spot coverage', body: SpotPage, ignores: ['namespace', 'team', 'selector'] },
  { id: 'prices', title: 'Prices', body: PricesPage, ignores: ['cluster', 'namespace', 'team', 'selector'] },
];

const WINDOWS = [
  ['', 'Default window'],
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
  ['30d', 'Last 30 days'],
  ['today', 'Today'],
  ['yesterday', 'Yesterday'],
  ['week', 'This week'],
  ['lastweek', 'Last week'],
  ['month', 'This month'],
  ['lastmonth', 'Last month'],
] as const;

/** "2026-09-07T00:00" of a date input, which knows no zone, is UTC here. */
const toInput = (iso: string | undefined): string => (iso && !Number.isNaN(Date.parse(iso)) ? new Date(iso).toISOString().slice(0, 16) : '');

function WindowPicker() {
  const value = param('window') ?? '';
  const known = WINDOWS.some(([v]) => v === value);
  const [custom, setCustom] = useState(false);
  const [from = '', to = ''] = value.includes(',') ? value.split(',') : [status.value.data?.window?.start, status.value.data?.window?.end];
  const apply = (e: Event): void => {
    e.preventDefault();
    const f = new FormData(e.currentTarget as HTMLFormElement);
    const [a, b] = [String(f.get('from')), String(f.get('to'))];
    if (a && b && a < b) {
      setParams({ window: `${a}:00Z,${b}:00Z` });
      setCustom(false);
    }
  };
  return (
    <div class="control">
      <label>
        <span>Window</span>
        <select
          value={custom || !known ? 'custom' : value}
          onChange={(e) => {
            const v = e.currentTarget.value;
            setCustom(v === 'custom');
            if (v !== 'custom') setParams({ window: v });
          }}
        >
          {WINDOWS.map(([v, text]) => (
            <option key={v} value={v}>
              {text}
            </option>
          ))}
          <option value="custom">{known ? 'From … to …' : value.split(',').map((x) => time(x)).join(' – ')}</option>
        </select>
      </label>
      {custom ? (
        <form class="custom" onSubmit={apply}>
          <label>
            <span>From (UTC)</span>
            <input type="datetime-local" name="from" required defaultValue={toInput(from)} />
          </label>
          <label>
            <span>To (UTC)</span>
            <input type="datetime-local" name="to" required defaultValue={toInput(to)} />
          </label>
          <button type="submit">Show</button>
        </form>
      ) : null}
    </div>
  );
}

const FILTERS = [
  ['cluster', 'Cluster', 'all'],
  ['namespace', 'Namespace', 'all'],
  ['team', 'Team', 'all'],
  ['selector', 'Pod labels', 'app=x'],
] as const;

function Filters() {
  const [asked, setAsked] = useState(false);
  const q = useQuery<Report>(asked ? 'api/v1/report?by=cluster,namespace,team' : null);
  const names = (dim: string): string[] => [...new Set(q.data?.rows.map((r) => r.key[dim] ?? '').filter((n) => n && !n.startsWith('__')))].sort();
  return (
    <>
      {FILTERS.map(([key, label, hint]) => (
        <label class="control" key={key}>
          <span>{label}</span>
          <input
            type="search"
            class={param(key) ? 'set' : undefined}
            value={param(key) ?? ''}
            placeholder={hint}
            list={key === 'selector' ? undefined : `names-${key}`}
            autocomplete="off"
            spellcheck={false}
            onFocus={() => setAsked(true)}
            onChange={(e) => setParams({ [key]: e.currentTarget.value.trim() })}
          />
          {key === 'selector' ? null : (
            <datalist id={`names-${key}`}>
              {names(key).map((n) => (
                <option key={n} value={n} />
              ))}
            </datalist>
          )}
        </label>
      ))}
      {FILTERS.some(([k]) => param(k)) ? (
        <button type="button" class="clear" onClick={() => setParams(Object.fromEntries(FILTERS.map(([k]) => [k, null])))}>
          Clear filters
        </button>
      ) : null}
    </>
  );
}

const STATES: Record<string, [string, string]> = {
  ready: ['good', 'Current'],
  starting: ['warn', 'Starting'],
  stale: ['warn', 'Stale'],
  failing: ['bad', 'Failing'],
};

function DataState() {
  const { data, error } = status.value;
  const [tone, text] = error ? ['bad', error.status === 401 ? 'Locked' : 'Unreachable'] : (STATES[data?.state ?? ''] ?? ['warn', 'Asking…']);
  const tip = data
    ? [
        `gpuwise ${data.version}`,
        `Newest sample: ${time(data.data?.newest)} (${duration(data.data?.ageSeconds)} old)`,
        `Closed through: ${time(data.lastClosedHour)}`,
        data.source ? `Source: ${data.source}` : '',
        data.kubernetes ? `Kubernetes: ${data.kubernetes}` : '',
        data.store ? `Store: ${data.store.kind}, ${data.store.ok ? 'answers' : 'down'}` : '',
      ].join('\n')
    : '';
  return (
    <span class={`state g-${tone}`} tabIndex={0} role="note" data-tip={tip}>
      <i aria-hidden="true" /> {text}
    </span>
  );
}

/** All that makes the numbers below less than current and whole. */
function Banner() {
  const { data, error } = status.value;
  const lines: [string, string][] = [];
  if (error && error.status !== 401)
    lines.push(['bad', data ? `${error.message} The numbers below are those of ${time(data.now)}.` : error.message]);
  if (data) {
    if (data.state === 'starting') lines.push(['warn', 'gpuwise is reading the first samples; what is shown grows until that is done.']);
    if (data.state === 'stale' || data.data?.stale)
      lines.push(['warn', `The newest sample is ${duration(data.data?.ageSeconds)} old (${time(data.data?.newest)}). Numbers below end there, and nothing is advised on them.`]);
    if (data.state === 'failing') lines.push(['bad', 'gpuwise cannot take in new data; what is shown is the last good state.']);
    if (data.lastTurn && !data.lastTurn.ok && data.lastTurn.message) lines.push(['bad', `Last turn (${time(data.lastTurn.at)}): ${data.lastTurn.message}`]);
    if (data.store && !data.store.ok) lines.push(['bad', `The store is down, so history, budgets and savings may be missing: ${data.store.message ?? data.store.kind}`]);
    for (const r of data.reasons) if (!lines.some(([, l]) => l.includes(r))) lines.push([data.state === 'failing' ? 'bad' : 'warn', r]);
  }
  return (
    <div class="banners" role="status">
      {lines.map(([tone, text]) => (
        <p key={text} class={`banner g-${tone}`}>
          {text}
        </p>
      ))}
    </div>
  );
}

function Ignored({ page }: { page: Page }) {
  const set = (page.ignores ?? []).filter((k) => param(k));
  if (set.length === 0) return null;
  return (
    <p class="banner g-plain">
      Not used on this page, which shows everything: {set.map((k) => (k === 'selector' ? 'pod labels' : k)).join(', ')}.
    </p>
  );
}

function Token() {
  const submit = (e: Event): void => {
    e.preventDefault();
    setToken(String(new FormData(e.currentTarget as HTMLFormElement).get('token')).trim());
  };
  return (
    <form class="panel token" onSubmit={submit}>
      <h2>This gpuwise wants a token</h2>
      <p>Ask whoever runs it for one. It is kept until this tab is closed, and sent to this server only.</p>
      <label>
        <span>Bearer token</span>
        <input type="password" name="token" required autocomplete="off" />
      </label>
      <button type="submit">Go on</button>
      {token.value ? <p class="bad-text">{status.value.error?.message}</p> : null}
    </form>
  );
}

function ThemeSwitch() {
  const next: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' };
  const text: Record<Theme, string> = { auto: 'Auto', light: 'Light', dark: 'Dark' };
  return (
    <button type="button" class="theme" onClick={() => setTheme(next[theme.value])} aria-label={`Colours: ${text[theme.value]}. Change.`}>
      <span aria-hidden="true">◐</span> {text[theme.value]}
    </button>
  );
}

export function Shell() {
  const page = PAGES.find((p) => p.id === route.value.page);
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(page?.id);
  const title = page?.title ?? 'No such page';
  const st = status.value;
  const window = st.data?.window;

  useEffect(() => {
    document.title = `${title} · gpuwise${st.data?.cluster ? ` · ${st.data.cluster}` : ''}`;
    if (shown.current === page?.id) return;
    shown.current = page?.id;
    scrollTo(0, 0);
    heading.current?.focus({ preventScroll: true });
  }, [title, st.data?.cluster]);

  const Body = page?.body;
  return (
    <>
      <button type="button" class="skip" onClick={() => heading.current?.focus()}>
        Skip to the numbers
      </button>
      <header class="top">
        <a class="brand" href={href('overview')}>
          gpuwise
        </a>
        {st.data?.cluster ? <span class="cluster">{st.data.cluster}</span> : null}
        <WindowPicker />
        <Filters />
        <span class="spring" />
        <DataState />
        <ThemeSwitch />
      </header>
      <nav class="side" aria-label="Pages">
        {PAGES.map((p) => (
          <a key={p.id} href={href(p.id)} aria-current={p.id === page?.id ? 'page' : undefined}>
            {p.title}
          </a>
        ))}
      </nav>
      <main>
        <div class="title">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          <span class="muted">
            {param('window') ? (WINDOWS.find(([v]) => v === param('window'))?.[1] ?? '') : window ? `${time(window.start)} – ${time(window.end)} UTC` : ''}
          </span>
        </div>
        <Banner />
        {page ? <Ignored page={page} /> : null}
        {st.error?.status === 401 ? <Token /> : Body ? <Body key={page?.id} /> : <p class="empty">Choose a page on the left.</p>}
      </main>
    </>
  );
}
