/* What is spent of each budget, and what will have been spent when its period ends. */
import { useMemo } from 'preact/hooks';
import type uPlot from 'uplot';
import { api, asCsv, useQuery } from '../api';
import { day, exactMoney, money, percent, ratio } from '../format';
import { hrefHere, param } from '../route';
import type { Budget, Maybe } from '../types';
import { Empty, Meter, Money, Panel, Percent, Show, Tag } from '../ui/bits';
import { axes, Figure, Plot, seconds, utc } from '../ui/plot';
import { CellLink, Table } from '../ui/table';
import { colour } from '../ui/theme';

const TONES: Record<string, 'good' | 'warn' | 'bad' | 'plain'> = { ok: 'good', warning: 'warn', exceeded: 'bad', unknown: 'plain' };
const DAY = 86400;

const scope = (b: Budget): string => Object.entries(b.by).map(([k, v]) => `${k} ${v}`).join(', ') || 'everything';

export interface Sum {
  total: Maybe;
  /** false: something before is missing, so it is at least this */
  whole: boolean;
}

/** Spent from the start of the period through each day. A day that nobody knows has no sum; those after it are lower bounds. */
export function cumulative(series: readonly { day: string; spent: Maybe }[]): Sum[] {
  let total = 0;
  let whole = true;
  return series.map(({ spent }) => {
    if (spent === null) whole = false;
    else total += spent;
    return { total: spent === null ? null : total, whole };
  });
}

/* What is spent is a lower bound wherever the server says that something is missing. */
const atLeast = (b: Budget): string => (b.why && b.spent !== null ? '≥ ' : '');

export function Budgets() {
  const path = api('budgets');
  const q = useQuery<{ budgets: Budget[] }>(path);
  return (
    <Show q={q} lines={12}>
      {({ budgets }) => {
        if (budgets.length === 0)
          return (
            <Panel title="No budget is set">
              <Empty>
                Budgets stand in the configuration: for each a name, what it covers (a team, a namespace, a model…), a period and an amount. For example:
                <pre tabIndex={0} aria-label="Example of a budget">{`budgets:\n  - name: nlp\n    team: nlp\n    period: monthly\n    amount: 12000\n    thresholds: [0.5, 0.8, 0.95]`}</pre>
              </Empty>
            </Panel>
          );
        const open = budgets.find((b) => b.name === param('budget')) ?? budgets[0];
        return (
          <>
            <Panel title="Budgets">
              <Table
                id="budgets"
                caption="Budgets of the current period"
                rows={budgets}
                rowKey={(b) => b.name}
                selected={open?.name ?? ''}
                csvHref={asCsv(path)}
                rowHref={(b) => hrefHere({ budget: b.name })}
                columns={[
                  { key: 'name', label: 'Budget', text: true, cell: (b) => <CellLink href={hrefHere({ budget: b.name })}>{b.name}</CellLink>, value: (b) => b.name },
                  { key: 'scope', label: 'Covers', text: true, cell: scope, value: scope },
                  { key: 'state', label: 'State', text: true, cell: (b) => <Tag tone={TONES[b.state] ?? 'plain'}>{b.state}</Tag>, value: (b) => ['ok', 'unknown', 'warning', 'exceeded'].indexOf(b.state) },
                  { key: 'period', label: 'Period', text: true, cell: (b) => `${b.period}, to ${day(b.periodEnd)}`, value: (b) => b.periodEnd },
                  {
                    key: 'share',
                    label: 'Share',
                    f: 'budgetShare',
                    cell: (b) => (
                      <>
                        <Meter v={b.share} tone={TONES[b.state] ?? 'plain'} />
                        {atLeast(b)}
                        <Percent v={b.share} f="budgetShare" />
                      </>
                    ),
                    value: (b) => b.share,
                  },
                  { key: 'spent', label: 'Spent', f: 'spent', cell: (b) => <>{atLeast(b)}<Money v={b.spent} f="spent" /></>, value: (b) => b.spent },
                  { key: 'amount', label: 'Budget', f: 'amount', cell: (b) => <Money v={b.amount} f="amount" />, value: (b) => b.amount },
                  { key: 'forecast', label: 'Forecast', f: 'forecast', cell: (b) => <Money v={b.forecast?.mean} f="forecast" />, value: (b) => b.forecast?.mean ?? null },
                ]}
              />
            </Panel>
            {open ? <Details b={open} key={open.name} /> : null}
          </>
        );
      }}
    </Show>
  );
}

const sumText = (s: Sum | undefined): string => (s && s.total !== null && !s.whole ? `at least ${money(s.total)}` : money(s?.total));

function Details({ b }: { b: Budget }) {
  const share = ratio(b.forecast?.mean, b.amount);
  return (
    <Panel title={`${b.name}: ${scope(b)}`} aside={<Tag tone={TONES[b.state] ?? 'plain'}>{b.state}</Tag>}>
      <div class="figures">
        <div class="big">
          <span class="label">Spent since {day(b.periodStart)}</span>
          <strong>
            {atLeast(b)}
            <Money v={b.spent} f="spent" stop />
          </strong>
        </div>
        <div class="big">
          <span class="label">Of the budget of {money(b.amount)}</span>
          <strong>
            {atLeast(b)}
            <Percent v={b.share} f="budgetShare" stop />
          </strong>
        </div>
        <div class="big">
          <span class="label">Forecast for {day(new Date(Date.parse(b.periodEnd) - 1).toISOString())}</span>
          <strong>
            <Money v={b.forecast?.mean} f="forecast" stop />
          </strong>
          {!b.forecast && b.forecastWhy ? <span class="muted">{b.forecastWhy}</span> : null}
          {b.forecast ? (
            <span class="muted" data-tip={`${exactMoney(b.forecast.low)} to ${exactMoney(b.forecast.high)}`}>
              {money(b.forecast.low)} – {money(b.forecast.high)}, {percent(share, 0)} of the budget
            </span>
          ) : null}
        </div>
      </div>
      {b.why ? <p class="prose muted">{b.why}</p> : null}
      <ul class="thresholds">
        {b.thresholds.map((t) => (
          <li key={`${t.kind} ${t.at}`}>
            <Tag tone={t.reached ? (t.at >= 0.95 ? 'bad' : 'warn') : 'plain'}>{percent(t.at, 0)}</Tag> {t.kind} {t.reached ? `reached${t.reachedAt ? ` ${day(t.reachedAt)}` : ''}` : t.reached === null ? 'unknown whether reached' : 'not reached'}
          </li>
        ))}
      </ul>
      {b.series.length ? <Course b={b} /> : <Empty>No day of this period is closed yet.</Empty>}
    </Panel>
  );
}

/** Spent so far, and from its end the band in which the forecast expects the rest. */
function Course({ b }: { b: Budget }) {
  const spent = useMemo(() => cumulative(b.series), [b]);
  const rows = b.series.map((s, i) => ({ day: s.day, spent: s.spent, sum: spent[i] ?? { total: null, whole: false } }));
  const short = spent.some((s) => !s.whole);
  const { data, days } = useMemo(() => {
    const ends = b.series.map((s) => seconds(s.day) + DAY);
    const xs = [seconds(b.periodStart), ...ends];
    const end = seconds(b.periodEnd);
    const line: Maybe[] = [0, ...spent.map((s) => (s.whole ? s.total : null))];
    /* the least: from where a known day begins, also the first after days that nobody knows */
    let least = 0;
    const bound: Maybe[] = [spent[0]?.whole === false && spent[0].total !== null ? 0 : null];
    spent.forEach((s, i) => {
      const before = least;
      least = s.total ?? least;
      const next = spent[i + 1];
      const starts = next !== undefined && !next.whole && next.total !== null;
      bound.push(starts ? (s.total ?? before) : s.whole ? null : s.total);
    });
    const pad: null[] = xs.map(() => null);
    const low: Maybe[] = [...pad];
    const mean: Maybe[] = [...pad];
    const high: Maybe[] = [...pad];
    const from = b.spent;
    if (b.forecast && from !== null && (xs[xs.length - 1] ?? end) < end) {
      low[low.length - 1] = mean[mean.length - 1] = high[high.length - 1] = from;
      xs.push(end);
      line.push(null);
      bound.push(null);
      low.push(b.forecast.low);
      mean.push(b.forecast.mean);
      high.push(b.forecast.high);
    }
    return { data: [xs, line, high, low, mean, bound] as uPlot.AlignedData, days: xs };
  }, [b, spent]);
  const readout = (i: number): string => {
    const when = day(new Date(((days[i] ?? 0) - 1) * 1000).toISOString());
    const f = data[4]?.[i];
    if (i === 0) return `Start of the period: ${money(0)}`;
    if (f != null && i === days.length - 1) return `${when}: forecast ${money(b.forecast?.mean)}, ${money(b.forecast?.low)} to ${money(b.forecast?.high)}`;
    return `through ${when}: spent ${sumText(spent[i - 1])}, that day ${money(b.series[i - 1]?.spent ?? null)}`;
  };
  return (
    <Figure
      id="course"
      caption={
        <>
          <span class="key">
            <i class="swatch o-0" aria-hidden="true" />
            spent
          </span>
          <span class="key">
            <i class="swatch band" aria-hidden="true" />
            forecast with its interval
          </span>
          <span class="key">
            <i class="swatch line-bad" aria-hidden="true" />
            budget
          </span>
          <span>
            {b.period} period, {day(b.periodStart)} to {day(b.periodEnd)}, UTC.
            {short ? ' Days are unknown: the dotted line is the least that was spent.' : ''}
          </span>
        </>
      }
      table={() => (
        <Table
          id="days"
          caption={`Days of budget ${b.name}`}
          rows={rows}
          rowKey={(r) => r.day}
          pageSize={31}
          columns={[
            { key: 'day', label: 'Day', text: true, cell: (r) => r.day, value: (r) => r.day },
            { key: 'spent', label: 'That day', f: 'spent', cell: (r) => <Money v={r.spent} f="spent" />, value: (r) => r.spent },
            { key: 'total', label: 'Since the start', f: 'spent', cell: (r) => <>{r.sum.whole || r.sum.total === null ? '' : '≥ '}<Money v={r.sum.total} f="spent" /></>, value: (r) => r.sum.total },
          ]}
        />
      )}
    >
      <Plot
        label={`Budget ${b.name}: spent day by day, forecast and budget`}
        data={data}
        readout={readout}
        options={() => {
          const bad = colour('bad');
          const accent = colour('o-0');
          return {
            tzDate: utc,
            cursor: { y: false, drag: { x: false, y: false } },
            scales: {
              x: { range: () => [seconds(b.periodStart), seconds(b.periodEnd)] },
              y: { range: (_u, _min, max) => [0, Math.max(max, b.amount ?? 0) * 1.08 || 1] },
            },
            axes: axes(undefined, DAY),
            bands: [{ series: [2, 3], fill: colour('band') }],
            series: [
              {},
              { stroke: accent, width: 2, spanGaps: false, points: { show: false } },
              { stroke: accent, width: 0.5, points: { show: false } },
              { stroke: accent, width: 0.5, points: { show: false } },
              { stroke: accent, width: 1.5, dash: [5, 4], points: { show: false } },
              { stroke: accent, width: 2, dash: [1, 3], spanGaps: false, points: { show: false } },
            ],
            hooks: {
              draw: [
                (u) => {
                  if (b.amount == null) return;
                  const g = u.ctx;
                  g.save();
                  g.setLineDash([]); /* the series before this one may have left its own */
                  g.strokeStyle = bad;
                  g.lineWidth = 1.5 * devicePixelRatio;
                  const yy = Math.round(u.valToPos(b.amount, 'y', true)) + 0.5;
                  g.beginPath();
                  g.moveTo(u.bbox.left, yy);
                  g.lineTo(u.bbox.left + u.bbox.width, yy);
                  g.stroke();
                  g.restore();
                },
              ],
            },
          };
        }}
      />
    </Figure>
  );
}

