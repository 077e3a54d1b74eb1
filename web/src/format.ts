/* How numbers are written. Every function takes null for unknown and says so; none makes a zero of it. */
import type { Maybe } from './types';

export const UNKNOWN = 'unknown';

/** Micro-dollars of an amount in dollars. The API writes six decimals, so this is exact below two billion dollars. */
export const micros = (dollars: number): number => Math.round(dollars * 1e6);

const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, ',');

/** Whole micro-dollars with six decimals: "$47,034.856754". */
export function exactMoney(dollars: Maybe | undefined): string {
  if (dollars == null) return UNKNOWN;
  const n = Math.abs(micros(dollars));
  return `${dollars < 0 ? '−' : ''}$${grouped(String(Math.floor(n / 1e6)))}.${String(n % 1e6).padStart(6, '0')}`;
}

/** To the cent: "$47,034.86". */
export function money(dollars: Maybe | undefined): string {
  if (dollars == null) return UNKNOWN;
  const cents = Math.round(Math.abs(micros(dollars)) / 1e4);
  return `${dollars < 0 && cents ? '−' : ''}$${grouped(String(Math.floor(cents / 100)))}.${String(cents % 100).padStart(2, '0')}`;
}

/** Short, for axes: "$1.2k". Not for a number that anybody adds up. */
export function shortMoney(dollars: number): string {
  const a = Math.abs(dollars);
  const sign = dollars < 0 ? '−' : '';
  if (a >= 1e6) return `${sign}$${trim(a / 1e6)}M`;
  if (a >= 1e3) return `${sign}$${trim(a / 1e3)}k`;
  if (a >= 10 || a === 0) return `${sign}$${Math.round(a)}`;
  return `${sign}$${a.toFixed(2)}`;
}

const trim = (x: number): string => (x >= 100 ? x.toFixed(0) : x.toFixed(1).replace(/\.0$/, ''));

export function number(x: Maybe | undefined, decimals = 1): string {
  if (x == null) return UNKNOWN;
  const s = Math.abs(x).toFixed(decimals);
  const [whole = '0', rest] = s.split('.');
  return `${x < 0 && Number(s) !== 0 ? '−' : ''}${grouped(whole)}${rest ? `.${rest}` : ''}`;
}

/** A share of one in percent: 0.219778 → "22.0 %". */
export const percent = (x: Maybe | undefined, decimals = 1): string =>
  x == null ? UNKNOWN : `${number(x * 100, decimals)} %`;

/** part ÷ whole; unknown when either is, or when there is no whole. */
export const ratio = (part: Maybe | undefined, whole: Maybe | undefined): Maybe =>
  part == null || whole == null || whole === 0 ? null : part / whole;

/** Adds up in whole micro-dollars. One unknown summand leaves the sum of the known ones, as the reports do; all unknown
 * makes it unknown. */
export function sum(values: Iterable<Maybe>): Maybe {
  let total = 0;
  let known = false;
  for (const v of values) {
    if (v == null) continue;
    known = true;
    total += micros(v);
  }
  return known ? total / 1e6 : null;
}

/** Average hours of a month: 365.25 × 24 ÷ 12. */
export const MONTH_HOURS = 730.5;

export const monthly = (dollars: Maybe | undefined, hours: number): Maybe =>
  dollars == null || !(hours > 0) ? null : (dollars * MONTH_HOURS) / hours;

const pad = (n: number): string => String(n).padStart(2, '0');

/** "2026-09-07 14:00", in UTC as everywhere in gpuwise. */
export function time(iso: string | null | undefined): string {
  const d = iso ? new Date(iso) : null;
  if (!d || Number.isNaN(d.getTime())) return UNKNOWN;
  return `${day(iso)} ${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`;
}

export function day(iso: string | null | undefined): string {
  const d = iso ? new Date(iso) : null;
  if (!d || Number.isNaN(d.getTime())) return UNKNOWN;
  return `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`;
}

/** "3 h", "7 d", "12 min": the nearest unit that leaves a small number. */
export function duration(seconds: Maybe | undefined): string {
  if (seconds == null) return UNKNOWN;
  const s = Math.abs(seconds);
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${trim(s / 3600)} h`;
  return `${trim(s / 86400)} d`;
}

/** "1 pod", "3 pods". */
export const count = (n: Maybe | undefined, one: string, many = `${one}s`): string =>
  n == null ? `${UNKNOWN} ${many}` : `${number(n, 0)} ${n === 1 ? one : many}`;

/** One CSV document: RFC 4180, with a guard against cells that a spreadsheet would run. */
export function csv(head: string[], rows: (string | number | null)[][]): string {
  const cell = (v: string | number | null): string => {
    if (v == null) return '';
    let s = String(v);
    if (typeof v === 'string' && /^[=+\-@\t\r]/.test(s)) s = `'${s}`;
    return /[",\r\n]/.test(s) ? `"${s.replace(/"/g, '""')}"` : s;
  };
  return [head, ...rows].map((r) => r.map(cell).join(',')).join('\r\n') + '\r\n';
}
