/* The page and all of its state are in the URL, after the '#': "#/breakdown?by=team&window=7d". A link shows the same
 * to whoever opens it. Nothing else remembers anything but the colour theme and, for the tab's life, the token. */
import { computed, signal } from '@preact/signals';

/** Kept from page to page; the rest belongs to one page and is left behind. */
export const GLOBAL_KEYS = ['window', 'cluster', 'namespace', 'team', 'selector'] as const;

export interface Route {
  page: string;
  params: Record<string, string>;
}

export type Patch = Record<string, string | null | undefined>;

export function parse(hash: string): Route {
  const text = hash.replace(/^#\/?/, '');
  const q = text.indexOf('?');
  const params: Record<string, string> = {};
  if (q >= 0) for (const [k, v] of new URLSearchParams(text.slice(q + 1))) if (v !== '') params[k] = v;
  return { page: (q < 0 ? text : text.slice(0, q)) || 'overview', params };
}

/** In order of the alphabet, so that the same state has the same URL. */
export function format(route: Route): string {
  const q = new URLSearchParams();
  for (const k of Object.keys(route.params).sort()) {
    const v = route.params[k];
    if (v) q.set(k, v);
  }
  const s = q.toString();
  return `#/${route.page}${s ? `?${s}` : ''}`;
}

export function patched(params: Record<string, string>, patch: Patch): Record<string, string> {
  const next = { ...params };
  for (const [k, v] of Object.entries(patch)) {
    if (v == null || v === '') delete next[k];
    else next[k] = v;
  }
  return next;
}

export const route = signal<Route>(parse(typeof location === 'undefined' ? '' : location.hash));

const globals = computed(() => {
  const out: Record<string, string> = {};
  for (const k of GLOBAL_KEYS) {
    const v = route.value.params[k];
    if (v) out[k] = v;
  }
  return out;
});

/** The link to a page: its own parameters and the global ones. */
export const href = (page: string, params: Patch = {}): string =>
  format({ page, params: patched(globals.value, params) });

/** The link to this page with some parameters changed. */
export const hrefHere = (patch: Patch): string =>
  format({ page: route.value.page, params: patched(route.value.params, patch) });

export const param = (key: string): string | undefined => route.value.params[key];

/** A number of the URL, or what stands in for it when it is none. */
export function paramInt(key: string, otherwise: number): number {
  const v = param(key);
  return v !== undefined && /^\d{1,9}$/.test(v) ? Number(v) : otherwise;
}

/** replace: for steps that the Back button should not stop at, such as the scrubber's. */
export function setParams(patch: Patch, replace = false): void {
  go(format({ page: route.value.page, params: patched(route.value.params, patch) }), replace);
}

export function go(hash: string, replace = false): void {
  if (hash === location.hash) return;
  if (replace) history.replaceState(null, '', hash);
  else history.pushState(null, '', hash);
  route.value = parse(hash);
}

export function startRouting(): void {
  addEventListener('popstate', () => (route.value = parse(location.hash)));
  addEventListener('hashchange', () => (route.value = parse(location.hash)));
}
