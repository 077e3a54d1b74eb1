import { describe, expect, it } from 'vitest';
import { csv, duration, exactMoney, micros, money, monthly, number, percent, ratio, shortMoney, sum, time } from '../src/format';

describe('money', () => {
  it('is exact to the micro-dollar', () => {
    expect(micros(47034.856754)).toBe(47034856754);
    /* 0.1 + 0.2 in floats is 0.30000000000000004; in micro-dollars it is 300000 */
    expect(micros(0.1) + micros(0.2)).toBe(300000);
    expect(exactMoney(47034.856754)).toBe('$47,034.856754');
    expect(exactMoney(0.000001)).toBe('$0.000001');
    expect(exactMoney(-3.2)).toBe('−$3.200000');
    expect(exactMoney(1999999999.999999)).toBe('$1,999,999,999.999999');
  });
  it('is written to the cent, half up', () => {
    expect(money(47034.856754)).toBe('$47,034.86');
    expect(money(1.005)).toBe('$1.01'); /* toFixed(2) of the float says 1.00 */
    expect(money(999.995)).toBe('$1,000.00');
    expect(money(0)).toBe('$0.00');
    expect(money(-0.001)).toBe('$0.00');
    expect(money(-1234567.5)).toBe('−$1,234,567.50');
  });
  it('says unknown, never zero', () => {
    for (const f of [money, exactMoney, number, percent, duration]) expect(f(null)).toBe('unknown');
    expect(time(null)).toBe('unknown');
    expect(time('not a time')).toBe('unknown');
    expect(ratio(null, 5)).toBeNull();
    expect(ratio(5, null)).toBeNull();
    expect(ratio(5, 0)).toBeNull();
    expect(monthly(null, 24)).toBeNull();
    expect(monthly(10, 0)).toBeNull();
  });
  it('adds in whole micro-dollars and knows what is not known', () => {
    expect(sum([0.1, 0.2, 0.3])).toBe(0.6); /* floats: 0.6000000000000001 */
    expect(sum([1, null, 2])).toBe(3);
    expect(sum([null, null])).toBeNull();
    expect(sum([])).toBeNull();
  });
  it('goes on for a month of 730.5 hours', () => {
    expect(monthly(168, 168)).toBe(730.5);
  });
  it('is short on axes', () => {
    expect([0, 0.5, 12, 1000, 1500, 250000, 2e6].map(shortMoney)).toEqual(['$0', '$0.50', '$12', '$1k', '$1.5k', '$250k', '$2M']);
  });
});

describe('numbers', () => {
  it('groups thousands of the whole part only', () => {
    expect(number(1234567.1234567, 4)).toBe('1,234,567.1235');
    expect(number(-1234.5, 0)).toBe('−1,235');
    expect(number(-0.01, 1)).toBe('0.0');
  });
  it('writes shares in percent', () => {
    expect(percent(0.219778)).toBe('22.0 %');
    expect(percent(1, 0)).toBe('100 %');
  });
  it('writes times in UTC', () => {
    expect(time('2026-09-07T14:05:00Z')).toBe('2026-09-07 14:05');
    expect(time('2026-09-07T14:05:00+02:00')).toBe('2026-09-07 12:05');
  });
});

describe('csv', () => {
  it('quotes what needs it', () => {
    expect(csv(['a', 'b'], [['x,y', 'say "hi"'], ['line\nbreak', null]])).toBe('a,b\r\n"x,y","say ""hi"""\r\n"line\nbreak",\r\n');
  });
  it('keeps spreadsheets from running a name, and leaves numbers alone', () => {
    expect(csv(['a'], [['=HYPERLINK("x")'], [-3.2], ['@x']])).toBe('a\r\n"\'=HYPERLINK(""x"")"\r\n-3.2\r\n\'@x\r\n');
  });
});
