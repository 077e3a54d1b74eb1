/* Requests to the daemon: one cache by URL, revalidated by ETag when the daemon has taken in new data. */
import { effect, signal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { GLOBAL_KEYS, route } from './route';
import type { Status } from './types';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Query<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
}

interface Entry {
  state: Signal<Query<unknown>>;
  etag: string | null;
  users: number;
  /** of the daemon's data, when the answer was asked for */
  generation: number;
  busy: boolean;
}

const CACHE_MAX = 64;
const TIMEOUT_MS = 60_000;
const POLL_MS = 15_000;

const cache = new Map<string, Entry>();

export const status = signal<Query<Status>>({ data: undefined, error: undefined, loading: true });
export const generation = signal(0);

/* A token lives as long as the tab: what is in localStorage, every later visitor of this browser has. */
const TOKEN_KEY = 'gpuwise-token';
export const token = signal<string>(sessionStorage.getItem(TOKEN_KEY) ?? '');

export function setToken(value: string): void {
  token.value = value;
  if (value) sessionStorage.setItem(TOKEN_KEY, value);
  else sessionStorage.removeItem(TOKEN_KEY);
  for (const e of cache.values()) e.generation = -1;
  void pollStatus().then(refresh);
}

/** `path` is relative, so that the page works under a proxy's path as well. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token.value) headers.set('Authorization', `Bearer ${token.value}`);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const r = await fetch(path, { ...init, headers, cache: 'no-store', credentials: 'same-origin', signal: abort.signal });
    if (r.ok || r.status === 304) return r;
    throw await errorOf(r);
  } catch (e) {
    if (e instanceof ApiError) throw e;
    throw new ApiError(
      0,
      'unreachable',
      abort.signal.aborted
        ? `gpuwise did not answer within ${TIMEOUT_MS / 1000} s`
        : 'gpuwise cannot be reached: is it still running, and is the network up?',
    );
  } finally {
    clearTimeout(timer);
  }
}

async function errorOf(r: Response): Promise<ApiError> {
  try {
    const body = (await r.json()) as { error?: { code?: string; message?: string } };
    if (body.error?.message) return new ApiError(r.status, body.error.code ?? String(r.status), body.error.message);
  } catch {
    /* not JSON: the status line must do */
  }
  return new ApiError(r.status, String(r.status), `the server answered ${r.status} ${r.statusText}`.trim());
}

async function load(path: string, e: Entry): Promise<void> {
  if (e.busy) return;
  e.busy = true;
  e.generation = generation.value;
  e.state.value = { ...e.state.value, loading: true };
  try {
    const r = await request(path, e.etag ? { headers: { 'If-None-Match': e.etag } } : {});
    if (r.status !== 304) {
      const data: unknown = await r.json();
      e.etag = r.headers.get('ETag');
      e.state.value = { data, error: undefined, loading: false };
    } else {
      e.state.value = { data: e.state.value.data, error: undefined, loading: false };
    }
  } catch (err) {
    const error = err instanceof ApiError ? err : new ApiError(0, 'invalid', `${path}: the answer is not valid JSON`);
    /* the last good answer stays on the page, under the error */
    e.state.value = { data: e.state.value.data, error, loading: false };
  } finally {
    e.busy = false;
  }
}

function entry(path: string): Entry {
  let e = cache.get(path);
  if (e) {
    cache.delete(path);
  } else {
    e = {
      state: signal<Query<unknown>>({ data: undefined, error: undefined, loading: true }),
      etag: null,
      users: 0,
      generation: -1,
      busy: false,
    };
  }
  cache.set(path, e); /* last in the map is used last */
  for (const [k, old] of cache) {
    if (cache.size <= CACHE_MAX) break;
    if (old.users === 0 && old !== e) cache.delete(k);
  }
  return e;
}

const IDLE: Signal<Query<unknown>> = signal<Query<unknown>>({ data: undefined, error: undefined, loading: false });

/** What GET of this path says; null asks for nothing. */
export function useQuery<T>(path: string | null): Query<T> {
  const e = useMemo(() => (path === null ? null : entry(path)), [path]);
  useEffect(() => {
    if (!e || path === null) return undefined;
    e.users++;
    if (e.generation !== generation.value || e.state.value.error) void load(path, e);
    return () => void e.users--;
  }, [e, path]);
  return (e?.state ?? IDLE).value as Query<T>;
}

/** Asks anew for all that the page shows. */
export function refresh(): void {
  for (const [path, e] of cache) if (e.users > 0) void load(path, e);
}

/* Which of the global filters each route of the API takes. What it does not take is filtered here where rows tell
 * (report.ts), or the page says that it shows all (shell.tsx). */
const TAKES: Record<string, readonly (typeof GLOBAL_KEYS)[number][]> = {
  report: ['window', 'namespace', 'selector'],
  plan: ['window'],
  'plan/manifests': ['window'],
  explain: ['window'],
  prices: ['window'],
  fleet: ['window'],
  history: ['window', 'cluster', 'namespace', 'team'],
  anomalies: ['window'],
  spot: ['window', 'cluster'],
  budgets: [],
  actions: [],
};

/** api('report', {by: 'team'}): its address, with the window and those filters of the URL that it takes. */
export function api(name: keyof typeof TAKES & string, own: Record<string, string | undefined> = {}): string {
  const q = new URLSearchParams();
  for (const k of TAKES[name] ?? []) {
    const v = route.value.params[k];
    if (v) q.set(k, v);
  }
  for (const [k, v] of Object.entries(own)) if (v) q.set(k, v);
  const s = q.toString();
  return `api/v1/${name}${s ? `?${s}` : ''}`;
}

export const asCsv = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}format=csv`;

let statusEtag: string | null = null;

export async function pollStatus(): Promise<void> {
  try {
    const r = await request('api/v1/status', statusEtag ? { headers: { 'If-None-Match': statusEtag } } : {});
    if (r.status === 304) {
      if (status.value.error) status.value = { data: status.value.data, error: undefined, loading: false };
      return;
    }
    const data = (await r.json()) as Status;
    statusEtag = r.headers.get('ETag');
    status.value = { data, error: undefined, loading: false };
    generation.value = data.generation;
  } catch (e) {
    statusEtag = null;
    const error = e instanceof ApiError ? e : new ApiError(0, 'invalid', 'the status is not valid JSON');
    status.value = { data: status.value.data, error, loading: false };
  }
}

/** Asks for the status every 15 s while the page is seen, and for what the page shows when there is new data. */
export function startPolling(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const turn = async (): Promise<void> => {
    clearTimeout(timer);
    if (document.hidden) return;
    await pollStatus();
    timer = setTimeout(() => void turn(), POLL_MS);
  };
  document.addEventListener('visibilitychange', () => void turn());
  void turn();

  let seen = 0;
  effect(() => {
    const g = generation.value;
    if (g !== seen && seen !== 0) refresh();
    seen = g;
  });
}
