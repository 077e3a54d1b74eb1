// @vitest-environment node
import { describe, expect, it, vi } from 'vitest';

/* pages touch the browser's globals when they load; these tests only want their arithmetic */
vi.stubGlobal('sessionStorage', { getItem: () => null });
vi.stubGlobal('addEventListener', () => undefined);
vi.mock('uplot', () => ({ default: {} }));
vi.mock('uplot/dist/uPlot.min.css', () => ({}));

const { dimensions, formatPath, parsePath, within } = await import('../src/pages/breakdown');
const { cumulative } = await import('../src/pages/budgets');
const { range } = await import('../src/pages/plan');
const { tone, totals } = await import('../src/pages/savings');
const { inState } = await import('../src/pages/states');
const { at, parts } = await import('../src/pages/fleet');
import type { FleetUnit, Followed, Row } from '../src/types';

describe('the way down', () => {
  it('survives any name', () => {
    const path = [['team', 'a/b=c%'], ['workload', 'ü ?&#']] as const;
    expect(parsePath(formatPath(path))).toEqual(path);
  });
  it('does not stumble over a URL that somebody typed', () => {
    expect(parsePath('team=%E0%A4%A')).toEqual([['team', '%E0%A4%A']]);
    expect(parsePath('///')).toEqual([]);
    expect(parsePath(undefined)).toEqual([]);
    expect(parsePath(Array(50).fill('a=b').join('/')).length).toBe(8);
  });
  it('asks for the namespace where names need one, and for nothing twice', () => {
    expect(dimensions([], 'pod')).toEqual(['namespace', 'pod']);
    expect(dimensions([['namespace', 'x']], 'workload')).toEqual(['namespace', 'workload']);
    expect(dimensions([['node', 'n']], 'gpu')).toEqual(['node', 'gpu']);
  });
  it('keeps the rows of all steps', () => {
    const row = (team: string, workload: string) => ({ key: { team, workload } }) as unknown as Row;
    expect(within([row('a', 'x'), row('a', 'y'), row('b', 'x')], [['team', 'a'], ['workload', 'x']])).toEqual([row('a', 'x')]);
  });
});

describe('budgets', () => {
  it('know only the least after a day that nobody knows, and nothing of that day', () => {
    const s = [1, 2, null, 4].map((spent, i) => ({ day: `2026-09-0${i + 1}`, spent }));
    expect(cumulative(s)).toEqual([
      { total: 1, whole: true },
      { total: 3, whole: true },
      { total: null, whole: false },
      { total: 7, whole: false },
    ]);
  });
});

describe('savings', () => {
  const a = (realised: number | null, predicted: number | null, state = 'done') =>
    ({ checks: [{ days: 7, dueAt: '', state, predicted, realised, demandFactor: null, note: null }] }) as unknown as Followed;
  it('add up only checks of which both numbers are known', () => {
    expect(totals([a(10, 20), a(null, 5), a(3, null), a(-4, 6), a(9, 9, 'pending')], 7)).toEqual({ predicted: 26, realised: 6, n: 2 });
    expect(totals([], 7)).toEqual({ predicted: null, realised: null, n: 0 });
  });
  it('call a miss a miss', () => {
    const c = (realised: number | null, predicted: number | null) => a(realised, predicted).checks[0]!;
    expect(tone(c(90, 100))).toBe('good');
    expect(tone(c(50, 100))).toBe('warn');
    expect(tone(c(-5, 100))).toBe('bad');
    expect(tone(c(null, 100))).toBe('plain');
  });
  it('are written as one amount where both ends are the same to the cent', () => {
    expect(range(5.001, 5.002)).toBe('$5.00');
    expect(range(5, 6)).toBe('$5.00 – $6.00');
    expect(range(null, 6)).toBe('unknown to $6.00');
  });
});

describe('states', () => {
  it('weigh money by time, and leave out what has no price', () => {
    const row = (bill: number | null, lowLow: number | null) => ({ cost: { bill }, states: { lowLow } }) as unknown as Row;
    expect(inState([row(100, 0.25), row(8, 0.5), row(null, 1), row(50, null)], 'lowLow')).toBe(29);
    expect(inState([row(null, 1)], 'lowLow')).toBeNull();
  });
});

describe('the map', () => {
  const unit = (compute: number | null, holder: number | null, state: string | null = 'unknown'): FleetUnit => ({
    id: 'u', profile: null, weight: 1, sharing: 'none', holders: [{ namespace: 'n', pod: 'p', workload: null, team: null }],
    compute: [compute], memory: [null], cost: [null], state: [state], holder: [holder],
  });
  it('calls a part free only where samples say that nobody was on it', () => {
    expect(at(unit(0, null), 0).free).toBe(true);
    expect(at(unit(null, null), 0).free).toBe(false);
    expect(at(unit(0, null, null), 0)).toMatchObject({ there: false, free: false });
    expect(at(unit(0.5, 0), 0).holder?.pod).toBe('p');
    expect(at(unit(0.5, 0), 7)).toMatchObject({ compute: null, free: false });
  });
  it('draws a board beside its instances by what they leave of it, hour by hour', () => {
    const u = (id: string, profile: string | null, weight: number, states: (string | null)[]): FleetUnit => ({
      ...unit(null, null), id, profile, weight, state: states, compute: states.map(() => null), holder: states.map(() => null),
    });
    const g = { uuid: 'g', index: 0, model: null, memoryMib: null, units: [u('2', '3g.40gb', 3 / 7, ['lowLow', null, null]), u('3', '2g.20gb', 2 / 7, ['lowLow', 'lowLow', null]), u('0', null, 1, ['unknown', 'lowLow', 'lowLow'])] };
    const w = (i: number) => parts(g, i).map((p) => [p.u.id, Math.round(p.weight * 7)]);
    expect(w(0)).toEqual([['2', 3], ['3', 2], ['0', 2]]);
    expect(w(1)).toEqual([['3', 2], ['0', 5]]);
    expect(w(2)).toEqual([['0', 7]]);
    const full = { ...g, units: [u('1', '7g.80gb', 1, ['lowLow']), u('0', null, 1, ['unknown'])] };
    expect(parts(full, 0).map((p) => p.u.id)).toEqual(['1']);
    const gone = { ...g, units: [u('0', null, 1, [null])] };
    expect(parts(gone, 0)[0]?.n.there).toBe(false);
  });
});
