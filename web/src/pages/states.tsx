/* Compute and memory of each workload, judged on the same 5-minute windows: the four states. */
import { ratio, money, number, percent, sum } from '../format';
import { href } from '../route';
import { isReserved, useReport } from '../report';
import type { Maybe, Row, States } from '../types';
import { Empty, Money, Panel, Percent, Show, Swatch } from '../ui/bits';
import { Figure } from '../ui/plot';
import { rove } from '../ui/rove';
import { CellLink, Table } from '../ui/table';

const ORDER = ['highHigh', 'lowHigh', 'highLow', 'lowLow', 'unknown'] as const;
type State = (typeof ORDER)[number];

const WORDS: Record<State, [title: string, advice: string]> = {
  highHigh: ['Compute high, memory high', 'well used; check latency before consolidating'],
  lowHigh: ['Compute low, memory high', 'memory reserved, compute light: share, cut the KV cache, right-size'],
  highLow: ['Compute high, memory low', 'compute-bound: a board with less memory would do'],
  lowLow: ['Compute low, memory low', 'share, consolidate, drop replicas'],
  unknown: ['State unknown', 'compute or memory has no valid sample'],
};

const POINTS_MAX = 400;
const W = 640;
const H = 400;
const PAD = { l: 58, r: 26, t: 12, b: 34 };
const x = (v: number): number => PAD.l + v * (W - PAD.l - PAD.r);
const y = (v: number): number => H - PAD.b - v * (H - PAD.t - PAD.b);

const dominant = (s: States): State => {
  let best: State = 'unknown';
  for (const k of ORDER) if ((s[k] ?? -1) > (s[best] ?? -1)) best = k;
  return best;
};

/** Money in a state: what each workload cost × the share of its held time in that state. */
export const inState = (rows: readonly Row[], k: State): Maybe => sum(rows.map((r) => (r.cost.bill == null || r.states[k] == null ? null : r.cost.bill * r.states[k])));

const id = (r: Row): string => `${r.key.namespace ?? ''}/${r.key.workload ?? ''}`;
const link = (r: Row): string => href('breakdown', { by: 'workload', sel: id(r) });

function Scatter({ rows }: { rows: Row[] }) {
  const known = rows.filter((r) => r.compute.mean != null && r.memory.mean != null).slice(0, POINTS_MAX);
  const most = Math.max(1, ...known.map((r) => r.cost.bill ?? 0));
  /* area by money; without a price a ring of fixed size */
  const radius = (r: Row): number => (r.cost.bill == null ? 5 : 3 + 19 * Math.sqrt(r.cost.bill / most));
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return (
    <svg class="scatter" viewBox={`0 0 ${W} ${H}`} role="group" aria-label="Workloads by mean compute and mean memory" onKeyDown={(e) => rove(e, '.dot')}>
      <rect class="quad" x={x(0.5)} y={y(1)} width={x(1) - x(0.5)} height={y(0.5) - y(1)} />
      {ticks.map((t) => (
        <g key={t} aria-hidden="true">
          <line class={t === 0.5 ? 'half' : 'grid'} x1={x(t)} x2={x(t)} y1={y(0)} y2={y(1)} />
          <line class={t === 0.5 ? 'half' : 'grid'} x1={x(0)} x2={x(1)} y1={y(t)} y2={y(t)} />
          <text x={x(t)} y={H - PAD.b + 14} text-anchor="middle">
            {t * 100} %
          </text>
          <text x={PAD.l - 6} y={y(t) + 4} text-anchor="end">
            {t * 100} %
          </text>
        </g>
      ))}
      <text x={x(0.5)} y={H - 4} text-anchor="middle" aria-hidden="true">
        compute, mean
      </text>
      <text transform={`translate(11 ${y(0.5)}) rotate(-90)`} text-anchor="middle" aria-hidden="true">
        memory, mean
      </text>
      {known.map((r, i) => {
        const s = dominant(r.states);
        const tip = `${id(r)}\ncompute ${percent(r.compute.mean)}, memory ${percent(r.memory.mean)}\nbill ${money(r.cost.bill)}, mostly ${WORDS[s][0].toLowerCase()}`;
        return (
          <a key={id(r)} class="dot" href={link(r)} tabIndex={i === 0 ? 0 : -1} aria-label={tip.replace(/\n/g, ', ')} data-tip={tip}>
            <circle class={r.cost.bill == null ? 'ring' : `f-${s}`} cx={x(Math.min(1, r.compute.mean ?? 0))} cy={y(Math.min(1, r.memory.mean ?? 0))} r={radius(r)} />
          </a>
        );
      })}
    </svg>
  );
}

function StatesBar({ s }: { s: States }) {
  if (ORDER.every((k) => s[k] == null)) return <div class="parts none" aria-hidden="true" />;
  return (
    <div class="parts" aria-hidden="true">
      {ORDER.map((k) => (s[k] ? <i key={k} class={`p-${k}`} style={{ width: `${(s[k] ?? 0) * 100}%` }} /> : null))}
    </div>
  );
}

export function StatesPage() {
  const q = useReport(['namespace', 'workload']);
  return (
    <Show q={q} lines={14}>
      {({ rows: all }) => {
        const rows = all.filter((r) => !isReserved(r.key.workload) && !isReserved(r.key.namespace));
        if (rows.length === 0) return <Empty>No pod held a GPU in this window. Try a longer window, or fewer filters.</Empty>;
        const shares = ORDER.map((k) => ({ k, v: inState(rows, k) }));
        const whole = sum(shares.map((s) => s.v));
        const off = rows.filter((r) => r.compute.mean == null || r.memory.mean == null).length;
        return (
          <>
            <Panel title="Where held money was, by state">
              <div class="parts tall" aria-hidden="true">
                {shares.map(({ k, v }) => (v && whole ? <i key={k} class={`p-${k}`} style={{ width: `${(v / whole) * 100}%` }} /> : null))}
              </div>
              <div class="scroll" tabIndex={0} role="group" aria-label="Money by state">
                <table class="ledger">
                  <thead>
                    <tr>
                      <th scope="col">State</th>
                      <th scope="col" class="n">
                        USD
                      </th>
                      <th scope="col" class="n">
                        Of what was held
                      </th>
                      <th scope="col">What helps</th>
                    </tr>
                  </thead>
                  <tbody>
                    {shares.map(({ k, v }) => (
                      <tr key={k}>
                        <th scope="row">
                          <Swatch part={k} />
                          {WORDS[k][0]}
                        </th>
                        <td class="n">
                          <Money v={v} f={k === 'unknown' ? 'stateUnknown' : k} stop />
                        </td>
                        <td class="n">
                          <Percent v={ratio(v, whole)} f={k === 'unknown' ? 'stateUnknown' : k} stop />
                        </td>
                        <td class="muted">{WORDS[k][1]}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              <p class="muted">Money of a state: Σ over workloads, bill × share of its held time in that state.</p>
            </Panel>
            <Panel title="Workloads">
              <Figure
                id="states"
                caption={
                  <span>
                    Each point is a workload at its mean compute and memory; area by bill, a ring where the price is unknown, colour by its most frequent state.
                    {off ? ` ${number(off, 0)} without a valid reading stand in the table only.` : ''}
                    {rows.length - off > POINTS_MAX ? ` The ${POINTS_MAX} dearest are drawn.` : ''}
                  </span>
                }
                always
                table={() => (
                  <Table
                    id="workloads"
                    caption="Workloads and their states"
                    rows={rows}
                    rowKey={id}
                    csvHref={q.csv}
                    rowHref={link}
                    columns={[
                      { key: 'workload', label: 'Workload', text: true, cell: (r) => <CellLink href={link(r)}>{id(r)}</CellLink>, value: id },
                      { key: 'bar', label: 'States', text: true, cell: (r) => <StatesBar s={r.states} /> },
                      { key: 'bill', label: 'Bill', f: 'bill', cell: (r) => <Money v={r.cost.bill} f="bill" />, value: (r) => r.cost.bill },
                      { key: 'compute', label: 'Compute', f: 'compute', cell: (r) => <Percent v={r.compute.mean} f="compute" />, value: (r) => r.compute.mean },
                      { key: 'memory', label: 'Memory', f: 'memory', cell: (r) => <Percent v={r.memory.mean} f="memory" />, value: (r) => r.memory.mean },
                      ...ORDER.map((k) => ({
                        key: k,
                        label: { highHigh: 'C↑ M↑', lowHigh: 'C↓ M↑', highLow: 'C↑ M↓', lowLow: 'C↓ M↓', unknown: 'Unknown' }[k],
                        f: k === 'unknown' ? ('stateUnknown' as const) : k,
                        cell: (r: Row) => <Percent v={r.states[k]} f={k === 'unknown' ? 'stateUnknown' : k} />,
                        value: (r: Row) => r.states[k],
                      })),
                    ]}
                  />
                )}
              >
                <Scatter rows={rows} />
              </Figure>
            </Panel>
          </>
        );
      }}
    </Show>
  );
}
