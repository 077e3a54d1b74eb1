/* uPlot in a figure: a caption, a readout that follows pointer and arrow keys, and the same data as a table. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { shortMoney } from '../format';
import { param, setParams } from '../route';
import { colour, painted } from './theme';

interface FigureProps {
  /** names its table's part of the URL */
  id: string;
  caption: ComponentChildren;
  children: ComponentChildren;
  /** the same data as a table; made only when it is opened */
  table: () => ComponentChildren;
  /** the table is a part of the page, not an alternative to the picture */
  always?: boolean;
}

export function Figure({ id, caption, children, table, always }: FigureProps) {
  const key = `${id}.table`;
  const open = param(key) === '1';
  return (
    <figure>
      {children}
      <figcaption>{caption}</figcaption>
      {always ? (
        table()
      ) : (
      <details open={open} onToggle={(e) => e.currentTarget.open !== open && setParams({ [key]: e.currentTarget.open ? '1' : null }, true)}>
        <summary>Data as a table</summary>
        {open ? table() : null}
      </details>
      )}
    </figure>
  );
}

export interface PlotProps {
  label: string;
  height?: number;
  /** called for each painting: colours may have changed */
  options: () => Omit<uPlot.Options, 'width' | 'height'>;
  data: uPlot.AlignedData;
  /** a line of text for the index under the cursor */
  readout?: (index: number) => string;
  /** more than `data` that the painting depends on */
  deps?: readonly unknown[];
}

export function Plot({ label, height = 220, options, data, readout, deps = [] }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const [at, setAt] = useState<number | null>(null);
  const paint = painted.value;

  useEffect(() => {
    const el = host.current;
    if (!el) return undefined;
    const o = options();
    const width = (): number => Math.max(200, el.clientWidth);
    const u = new uPlot(
      {
        ...o,
        width: width(),
        height,
        legend: { show: false },
        hooks: { ...o.hooks, setCursor: [(p) => setAt(p.cursor.idx ?? null)] },
      },
      data,
      el,
    );
    plot.current = u;
    const watch = new ResizeObserver(() => u.width !== width() && u.setSize({ width: width(), height }));
    watch.observe(el);
    return () => {
      watch.disconnect();
      u.destroy();
    };
  }, [data, height, paint, ...deps]);

  const onKeyDown = (e: KeyboardEvent): void => {
    const u = plot.current;
    const xs = u?.data[0];
    if (!u || !xs?.length) return;
    const now = u.cursor.idx ?? null;
    const last = xs.length - 1;
    const to = { ArrowRight: now === null ? 0 : now + 1, ArrowLeft: now === null ? last : now - 1, Home: 0, End: last }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    const i = Math.min(last, Math.max(0, to));
    u.setCursor({ left: u.valToPos(xs[i] ?? 0, 'x'), top: u.over.clientHeight / 2 });
  };

  return (
    <>
      <div class="plot" ref={host} role="img" aria-label={`${label}. The data stands in the table below.`} tabIndex={readout ? 0 : undefined} onKeyDown={onKeyDown} />
      {readout ? (
        <p class="readout" aria-live="polite">
          {at === null ? ' ' : readout(at)}
        </p>
      ) : null}
    </>
  );
}

/** Axes as all plots have them: UTC on x, short dollars on y. `step` keeps ticks from being finer than the data. */
export function axes(value: (v: number) => string = shortMoney, step = 3600): uPlot.Axis[] {
  const line = colour('line');
  const ink = colour('muted');
  const font = '11px system-ui, sans-serif';
  return [
    {
      stroke: ink,
      font,
      size: 24,
      gap: 4,
      space: 64,
      incrs: TIMES.filter((t) => t >= step),
      values: (_u, ticks, _a, _s, incr) => ticks.map((t) => tick(t, incr)),
      grid: { show: false },
      ticks: { stroke: line, width: 1, size: 4 },
      border: { show: true, stroke: line, width: 1 },
    },
    yAxis(value, ink, line, font),
  ];
}

const yAxis = (value: (v: number) => string, ink: string, line: string, font: string): uPlot.Axis => ({
  stroke: ink,
  font,
  size: 56,
  grid: { stroke: line, width: 1 },
  ticks: { show: false },
  values: (_u, ticks) => ticks.map(value),
});

const TIMES = [3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000];

/** "09-07" for days, "06:00" within one; the day at its beginning. */
function tick(seconds: number, incr: number): string {
  const iso = new Date(seconds * 1000).toISOString();
  return incr >= 86400 || seconds % 86400 === 0 ? iso.slice(5, 10) : iso.slice(11, 16);
}

export const utc = (ts: number): Date => uPlot.tzDate(new Date(ts * 1000), 'Etc/UTC');

/** Figures over time run from zero, so that areas tell the truth. */
export const fromZero: uPlot.Scale = { range: (_u, _min, max) => [0, max > 0 ? max * 1.08 : 1] };

export const seconds = (iso: string): number => Date.parse(iso) / 1000;

/** A bar for each step: what a step cost is a sum, and no line leads from one sum to the next. */
export const bars = (): uPlot.Series.PathBuilder | undefined => uPlot.paths.bars?.({ size: [0.86, 64] });

/** Room for half a bar before the first and after the last. */
export const barRange = (stepSeconds: number): uPlot.Scale => ({ time: true, range: (_u, min, max) => [min - stepSeconds / 2, max + stepSeconds / 2] });
