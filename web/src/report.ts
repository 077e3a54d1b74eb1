/* The report for the window and the filters of the URL. */
import { api, asCsv, useQuery, type Query } from './api';
import { param } from './route';
import type { Report, Row, Total } from './types';

export interface Filtered {
  report: Report;
  rows: Row[];
  total: Total;
}

/* The API's report is not filtered by these, but it groups by them. */
const BY_KEY = ['cluster', 'team'] as const;

const bare = (row: Row, dims: readonly string[]): Row => ({ ...row, key: Object.fromEntries(Object.entries(row.key).filter(([k]) => !dims.includes(k))) });

/** Rows of a team or of a cluster are rows whose key says so, and their total is their row of the report by team or by
 * cluster alone. So every number is the server's own, to the micro-dollar. */
export function useReport(by: string[]): Query<Filtered> & { csv: string | undefined } {
  const wanted = BY_KEY.filter((k) => param(k));
  const added = wanted.filter((k) => !by.includes(k));
  const path = api('report', { by: [...by, ...added].join(',') });
  /* the server's file is not filtered by team or cluster; then the page writes its own */
  const csv = wanted.length ? undefined : asCsv(path);
  const q = useQuery<Report>(path);
  const t = useQuery<Report>(wanted.length ? api('report', { by: wanted.join(',') }) : null);
  if (!q.data) return { ...q, data: undefined, csv };
  if (!wanted.length) return { ...q, data: { report: q.data, rows: q.data.rows, total: q.data.total }, csv };
  if (!t.data) return { ...t, data: undefined, csv };
  const fits = (r: Row): boolean => wanted.every((k) => r.key[k] === param(k));
  return {
    ...q,
    error: q.error ?? t.error,
    data: { report: q.data, rows: q.data.rows.filter(fits).map((r) => bare(r, added)), total: t.data.rows.find(fits) ?? NOTHING },
    csv,
  };
}

/** Of what has nothing in the window: zero is what is known. */
const NOTHING: Total = {
  cost: { bill: 0, used: 0, wasted: 0, reclaimable: 0, idle: 0, unknown: 0, overhead: 0 },
  gpuHours: { paid: 0, allocated: 0, used: 0, idle: 0, unknown: 0 },
  compute: { mean: null, p95: null, peak: null },
  memory: { mean: null, p95: null, peak: null },
};

/** Rows that nothing is behind: what nobody held, and what is shared. */
export const isReserved = (name: string | undefined): boolean => name === '__idle__' || name === '__overhead__';

const NAMES: Record<string, string> = { __idle__: 'idle (held by no pod)', __overhead__: 'overhead (shared)', __unallocated__: '(no label says)', '': '(none)' };
export const nameOf = (key: string | undefined): string => NAMES[key ?? ''] ?? key ?? '(none)';
