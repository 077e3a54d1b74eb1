import { describe, expect, it } from 'vitest';
import { format, parse, patched } from '../src/route';

describe('the URL', () => {
  it('has a page without being told one', () => {
    for (const h of ['', '#', '#/']) expect(parse(h)).toEqual({ page: 'overview', params: {} });
  });
  it('comes back as it was', () => {
    const r = { page: 'breakdown', params: { by: 'team', path: 'team=a%2Fb/workload=ü & =', 'rows.sort': '-bill', window: '2026-09-07T00:00:00Z,2026-09-08T00:00:00Z' } };
    expect(parse(format(r))).toEqual(r);
  });
  it('is the same for the same state', () => {
    expect(format({ page: 'plan', params: { b: '2', a: '1' } })).toBe(format({ page: 'plan', params: { a: '1', b: '2' } }));
  });
  it('leaves out what is empty', () => {
    expect(format({ page: 'plan', params: patched({ a: '1', b: '2' }, { a: null, b: '', c: '3' }) })).toBe('#/plan?c=3');
  });
});
