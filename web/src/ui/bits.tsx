/* The small parts that every page is made of. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ApiError, Query } from '../api';
import { refresh } from '../api';
import type { FormulaKey } from '../formulas';
import { exactMoney, money, number, percent, UNKNOWN } from '../format';
import type { Cost, Maybe } from '../types';

interface ValueProps {
  f?: FormulaKey;
  exact?: string;
  /** in a table the cell takes the focus; elsewhere the number itself */
  stop?: boolean;
  children: string;
}

/** A number with its formula on hover and focus; "unknown" is set apart. */
export function Value({ f, exact, stop, children }: ValueProps) {
  return (
    <span
      class={children === UNKNOWN ? 'num is-unknown' : 'num'}
      data-f={f}
      data-exact={exact}
      tabIndex={stop ? 0 : undefined}
      role={stop ? 'note' : undefined}
    >
      {children}
    </span>
  );
}

export function Money({ v, f, stop }: { v: Maybe | undefined; f?: FormulaKey; stop?: boolean }) {
  const exact = v == null ? 'No price or no sample says. Unknown is never zero.' : exactMoney(v);
  return (
    <Value f={f} exact={exact} stop={stop}>
      {money(v)}
    </Value>
  );
}

export function Percent({ v, f, decimals = 1, stop }: { v: Maybe | undefined; f?: FormulaKey; decimals?: number; stop?: boolean }) {
  return (
    <Value f={f} exact={v == null ? 'No valid sample says.' : percent(v, 4)} stop={stop}>
      {percent(v, decimals)}
    </Value>
  );
}

export function Hours({ v, f, stop }: { v: Maybe | undefined; f?: FormulaKey; stop?: boolean }) {
  return (
    <Value f={f} exact={v == null ? 'Nobody knows.' : `${number(v, 6)} h`} stop={stop}>
      {number(v, 1)}
    </Value>
  );
}

export const PARTS = ['used', 'wasted', 'idle', 'unknown', 'overhead'] as const;
export type Part = (typeof PARTS)[number];

/** The parts of a cost as one bar. Widths come from the numbers; the numbers stand beside it, so it is hidden from AT. */
export function PartsBar({ cost, whole, tall }: { cost: Cost; whole?: Maybe; tall?: boolean }) {
  const of = whole ?? cost.bill;
  if (cost.bill == null || !of) return <div class={tall ? 'parts tall none' : 'parts none'} aria-hidden="true" />;
  return (
    <div class={tall ? 'parts tall' : 'parts'} aria-hidden="true">
      {PARTS.map((p) => {
        const v = cost[p];
        return v ? <i key={p} class={`p-${p}`} style={{ width: `${(v / of) * 100}%` }} /> : null;
      })}
    </div>
  );
}

export const Swatch = ({ part }: { part: string }) => <i class={`swatch p-${part}`} aria-hidden="true" />;

/** A share as a thin bar beside its number. */
export function Meter({ v, mark, tone = 'accent' }: { v: Maybe | undefined; mark?: number | undefined; tone?: string }) {
  if (v == null) return <span class="meter none" aria-hidden="true" />;
  return (
    <span class="meter" aria-hidden="true">
      <i class={`t-${tone}`} style={{ width: `${Math.min(100, Math.max(0, v * 100))}%` }} />
      {mark === undefined ? null : <b style={{ left: `${Math.min(100, mark * 100)}%` }} />}
    </span>
  );
}

/* What opens because the reader chose it comes into view and takes the focus; what a link opened does not. */
let touched = false;
for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, () => (touched = true), { once: true, capture: true });

interface PanelProps {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
  id?: string;
  /** it opens at the reader's wish, somewhere below */
  focus?: boolean;
}

export function Panel({ title, aside, children, id, focus }: PanelProps) {
  const here = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!focus || !touched) return;
    here.current?.focus({ preventScroll: true });
    here.current?.scrollIntoView({ block: 'start' });
  }, []);
  return (
    <section class="panel" id={id} ref={here} aria-label={title} tabIndex={focus ? -1 : undefined}>
      <header>
        <h2>{title}</h2>
        {aside ? <div class="aside">{aside}</div> : null}
      </header>
      {children}
    </section>
  );
}

export function Skeleton({ lines = 6 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => (
        <i key={i} />
      ))}
    </div>
  );
}

export const Empty = ({ children }: { children: ComponentChildren }) => <div class="empty">{children}</div>;

export function Failure({ error }: { error: ApiError }) {
  return (
    <div class="failure" role="alert">
      <p>
        <strong>{error.status ? `${error.status} ${error.code}` : error.code}</strong> {error.message}
      </p>
      <button type="button" onClick={refresh}>
        Try again
      </button>
    </div>
  );
}

/** What a query says: its data, a skeleton, the server's message, or the last good data under the message. */
export function Show<T>({ q, lines, children }: { q: Query<T>; lines?: number; children: (data: T) => ComponentChildren }) {
  return (
    <>
      {q.error ? <Failure error={q.error} /> : null}
      {q.data !== undefined ? children(q.data) : q.error ? null : <Skeleton lines={lines} />}
    </>
  );
}

export function Tag({ tone, children }: { tone: 'good' | 'warn' | 'bad' | 'plain'; children: ComponentChildren }) {
  return <span class={`tag g-${tone}`}>{children}</span>;
}

export const severityTone = (s: string): 'good' | 'warn' | 'bad' | 'plain' =>
  s === 'high' ? 'bad' : s === 'medium' ? 'warn' : s === 'low' ? 'good' : 'plain';

/** A row of choices of which one holds. */
export function Choice<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: readonly (readonly [T, string])[]; onChange: (v: T) => void }) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([v, text]) => (
        <button key={v} type="button" aria-pressed={v === value} onClick={() => onChange(v)}>
          {text}
        </button>
      ))}
    </div>
  );
}
