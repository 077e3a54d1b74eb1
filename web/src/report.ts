/* The report for the window and the filters of the URL. */
import { api, useQuery, type Query } from './api';
import { param } from './route';
import type { Report, Row, Total } from './types';

export interface Filtered {
  report: Report;
  rows: Row[];
  total: Total;
}

const without = (row: Row, dim: string): Row => {
  const key = { ...row.key };
  delete key[dim];
  return { ...row, key };
};

/** The API knows no filter by team, but it groups by team: rows of a team are rows whose key says so, and its total is
 * its row of the report by team alone. So the numbers are the server's, to the micro-dollar. */
export function useReport(by: string[]): Query<Filtered> & { path: string } {
  const team = param('team');
  const dims = team && !by.includes('team') ? [...by, 'team'] : by;
  const path = api('report', { by: dims.join(',') });
  const q = useQuery<Report>(path);
  const t = useQuery<Report>(team ? api('report', { by: 'team' }) : null);
  if (!q.data) return { ...q, data: undefined, path };
  if (!team) return { ...q, data: { report: q.data, rows: q.data.rows, total: q.data.total }, path };
  if (!t.data) return { ...t, data: undefined, path };
  const rows = q.data.rows.filter((r) => r.key.team === team).map((r) => (by.includes('team') ? r : without(r, 'team')));
  const own = t.data.rows.find((r) => r.key.team === team);
  const total: Total = own ?? NOTHING;
  return { ...q, error: q.error ?? t.error, data: { report: q.data, rows, total }, path };
}

/** Of a team that has nothing in the window: zero is what is known. */
const NOTHING: Total = {
  cost: { bill: 0, used: 0, wasted: 0, reclaimable: 0, idle: 0, unknown: 0, overhead: 0 },
  gpuHours: { paid: 0, allocated: 0, used: 0, idle: 0, unknown: 0 },
  compute: { mean: null, p95: null, peak: null },
  memory: { mean: null, p95: null, peak: null },
};

/** Rows that nothing is behind: what nobody held, and what is shared. */
export const isReserved = (name: string | undefined): boolean => name === '__idle__' || name === '__overhead__';

const NAMES: Record<string, string> = { __idle__: 'idle (held by no pod)', __overhead__: 'overhead (shared)', __unallocated__: 'unallocated (no label says)', '': '(none)' };
export const nameOf = (key: string | undefined): string => NAMES[key ?? ''] ?? key ?? '(none)';
