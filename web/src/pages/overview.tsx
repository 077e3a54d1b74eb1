import { useMemo } from 'preact/hooks';
import type uPlot from 'uplot';
import { api, asCsv, useQuery } from '../api';
import { day, duration, money, monthly, ratio, time } from '../format';
import { href, param, setParams } from '../route';
import { isReserved, nameOf, useReport, type Filtered } from '../report';
import type { Correction, Cost, Finding, History, HistoryStep, Unknown } from '../types';
import { Choice, Empty, Hours, Money, Panel, PARTS, PartsBar, Percent, severityTone, Show, Swatch, Tag } from '../ui/bits';
import { axes, barRange, bars, Figure, fromZero, Plot, seconds, utc } from '../ui/plot';
import { CellLink, Table, type Column } from '../ui/table';
import { colour, hatch } from '../ui/theme';
import type { FormulaKey } from '../formulas';

const HOURS_OF: Record<string, [keyof Filtered['total']['gpuHours'], FormulaKey] | undefined> = {
  bill: ['paid', 'paid'],
  used: ['used', 'usedHours'],
  idle: ['idle', 'idleHours'],
  unknown: ['unknown', 'unknownHours'],
};

const WORDS: Record<string, string> = {
  bill: 'what the GPU nodes cost',
  used: 'compute at work',
  wasted: 'held by a pod, compute idle',
  reclaimable: 'of wasted: memory and busy hours allow another pod',
  idle: 'held by no pod',
  unknown: 'no sample says',
  overhead: 'control plane, shared',
};

/** The bill as a bar, and as the numbers that add up to it. */
function Bill({ f }: { f: Filtered }) {
  const { total, report } = f;
  const c = total.cost;
  const line = (key: keyof Cost, sub = false) => {
    const h = HOURS_OF[key];
    return (
      <tr key={key} class={key === 'bill' ? 'sum' : sub ? 'sub' : undefined} data-part={key}>
        <th scope="row">
          {key === 'bill' || sub ? null : <Swatch part={key} />}
          {key === 'bill' ? 'Bill' : key[0]?.toUpperCase() + key.slice(1)}
        </th>
        <td class="n">
          <Money v={c[key]} f={key} stop />
        </td>
        <td class="n">
          <Percent v={ratio(c[key], c.bill)} f="share" stop />
        </td>
        <td class="n">{h ? <Hours v={total.gpuHours[h[0]]} f={h[1]} stop /> : ''}</td>
        <td class="n">
          <Money v={monthly(c[key], report.window.hours)} f="monthlyBill" stop />
        </td>
        <td class="muted">{WORDS[key]}</td>
      </tr>
    );
  };
  return (
    <>
      <div class="figures">
        <div class="big">
          <span class="label">Bill, {duration(report.window.hours * 3600)}</span>
          <strong id="total-bill">
            <Money v={c.bill} f="bill" stop />
          </strong>
        </div>
        <div class="big">
          <span class="label">A month at this rate</span>
          <strong>
            <Money v={monthly(c.bill, report.window.hours)} f="monthlyBill" stop />
          </strong>
        </div>
        <div class="big">
          <span class="label">Used of the bill</span>
          <strong>
            <Percent v={ratio(c.used, c.bill)} f="efficiency" stop />
          </strong>
        </div>
        <div class="big">
          <span class="label">Compute, mean</span>
          <strong>
            <Percent v={total.compute.mean} f="compute" stop />
          </strong>
        </div>
        <div class="big">
          <span class="label">GPU memory, mean</span>
          <strong>
            <Percent v={total.memory.mean} f="memory" stop />
          </strong>
        </div>
      </div>
      <PartsBar cost={c} tall />
      <div class="scroll" tabIndex={0} role="group" aria-label="Where the bill goes">
        <table class="ledger">
          <thead>
            <tr>
              <th scope="col">Part</th>
              <th scope="col" class="n">
                USD
              </th>
              <th scope="col" class="n">
                Of the bill
              </th>
              <th scope="col" class="n">
                GPU-hours
              </th>
              <th scope="col" class="n">
                USD a month
              </th>
              <th scope="col">What it is</th>
            </tr>
          </thead>
          <tbody>
            {line('used')}
            {line('wasted')}
            {line('reclaimable', true)}
            {line('idle')}
            {line('unknown')}
            {line('overhead')}
            {line('bill')}
          </tbody>
        </table>
      </div>
    </>
  );
}

const STEPS = [
  ['hour', 'Hours'],
  ['day', 'Days'],
  ['week', 'Weeks'],
  ['month', 'Months'],
] as const;

const stepOf = (hours: number): string => (hours <= 72 ? 'hour' : hours <= 24 * 62 ? 'day' : 'week');

/* by cluster: few rows, and the totals are what is drawn */
const historyPath = (step: string): string => api('history', { step, by: 'cluster' });

function OverTime({ hours }: { hours: number }) {
  const step = param('step') ?? stepOf(hours);
  const path = historyPath(step);
  const q = useQuery<History>(path);
  return (
    <Panel title="Cost over time" aside={<Choice label="Step" value={step} options={STEPS} onChange={(v) => setParams({ step: v }, true)} />}>
      <Show q={q}>
        {(h) =>
          h.steps.every((s) => s.total === null) ? (
            <Empty>No hour of this window is closed yet. An hour is closed when it is over and its samples have had time to come in.</Empty>
          ) : (
            <Stacked h={h} path={path} />
          )
        }
      </Show>
    </Panel>
  );
}

function Stacked({ h, path }: { h: History; path: string }) {
  const steps = useMemo(() => h.steps.map((s) => ({ s, c: s.total?.cost ?? null })), [h]);
  /* bars from the top of the stack down, each painted over the one before it */
  const data = useMemo((): uPlot.AlignedData => {
    const xs = steps.map(({ s }) => seconds(s.start));
    const stack: (number | null)[][] = [];
    for (let n = PARTS.length; n > 0; n--) stack.push(steps.map(({ c }) => (c?.bill == null ? null : PARTS.slice(0, n).reduce((a, p) => a + (c[p] ?? 0), 0))));
    return [xs, ...stack] as uPlot.AlignedData;
  }, [steps]);
  const first = steps[0]?.s;
  const width = first ? seconds(first.end) - seconds(first.start) : 3600;
  const label = (s: HistoryStep): string => (h.step === 'hour' ? time(s.start) : day(s.start));
  const readout = (i: number): string => {
    const at = steps[i];
    if (!at) return ' ';
    return at.c
      ? `${label(at.s)}${at.s.complete ? '' : ' (not complete)'}: bill ${money(at.c.bill)} = ${PARTS.map((p) => `${p} ${money(at.c?.[p])}`).join(' + ')}`
      : `${label(at.s)}: unknown`;
  };
  const columns: Column<(typeof steps)[number]>[] = [
    { key: 'start', label: 'From', text: true, cell: (r) => label(r.s), value: (r) => r.s.start },
    { key: 'complete', label: 'Complete', text: true, cell: (r) => (r.s.complete ? 'yes' : 'not yet'), value: (r) => String(r.s.complete) },
    ...(['bill', ...PARTS] as const).map((p) => ({
      key: p,
      label: p[0]?.toUpperCase() + p.slice(1),
      f: p,
      cell: (r: (typeof steps)[number]) => <Money v={r.c?.[p]} f={p} />,
      value: (r: (typeof steps)[number]) => r.c?.[p] ?? null,
    })),
  ];
  const open = steps.filter(({ s }) => !s.complete).length;
  return (
    <Figure
      id="time"
      caption={
        <>
          {PARTS.map((p) => (
            <span key={p} class="key">
              <Swatch part={p} />
              {p}
            </span>
          ))}
          <span>
            Bill by {h.step}, UTC.{open ? ` ${open === 1 ? 'One step is' : `${open} steps are`} not complete: some hours are not closed.` : ''}
            {param('selector') ? ' History keeps no pod labels: that filter does not count here.' : ''}
          </span>
        </>
      }
      table={() => <Table id="steps" caption="Cost over time" columns={columns} rows={steps} rowKey={(r) => r.s.start} csvHref={asCsv(path)} />}
    >
      <Plot
        label={`Bill by ${h.step}, stacked: used, wasted, idle, unknown, overhead`}
        data={data}
        readout={readout}
        options={() => {
          const paths = bars();
          return {
            tzDate: utc,
            cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
            scales: { x: barRange(width), y: fromZero },
            axes: axes(undefined, width),
            series: [
              {},
              ...[...PARTS].reverse().map((p) => ({
                label: p,
                width: 0,
                fill: p === 'unknown' ? (hatch() as unknown as string) : colour(`p-${p}`),
                points: { show: false },
                ...(paths ? { paths } : {}),
              })),
            ],
          };
        }}
      />
    </Figure>
  );
}

const TOPS = [
  ['namespace', 'Namespaces'],
  ['team', 'Teams'],
  ['model', 'Models'],
  ['workload', 'Workloads'],
] as const;

function Top() {
  const by = (TOPS.find(([v]) => v === param('top')) ?? TOPS[0])[0];
  const q = useReport([by]);
  return (
    <Panel
      title="Who spends it"
      aside={
        <>
          <Choice label="Rows by" value={by} options={TOPS} onChange={(v) => setParams({ top: v === 'namespace' ? null : v, 'top.page': null }, true)} />
          <a href={href('breakdown', { by })}>All</a>
        </>
      }
    >
      <Show q={q}>
        {({ rows, total }) => (
          <Table
            id="top"
            caption={`Cost by ${by}`}
            rows={rows}
            rowKey={(r) => r.key[by] ?? ''}
            pageSize={10}
            csvHref={q.csv}
            rowHref={(r) => (isReserved(r.key[by]) ? null : href('breakdown', { by, sel: r.key[by] }))}
            empty="No pod held a GPU in this window. Try a longer window, or fewer filters."
            columns={[
              {
                key: by,
                label: by[0]?.toUpperCase() + by.slice(1),
                text: true,
                cell: (r) => (isReserved(r.key[by]) ? <span class="muted">{nameOf(r.key[by])}</span> : <CellLink href={href('breakdown', { by, sel: r.key[by] })}>{nameOf(r.key[by])}</CellLink>),
                value: (r) => r.key[by] ?? '',
              },
              { key: 'parts', label: 'Parts', text: true, cell: (r) => <PartsBar cost={r.cost} whole={rows.reduce((m, x) => Math.max(m, x.cost.bill ?? 0), 0)} /> },
              { key: 'bill', label: 'Bill', f: 'bill', cell: (r) => <Money v={r.cost.bill} f="bill" />, value: (r) => r.cost.bill },
              { key: 'share', label: 'Share', f: 'share', cell: (r) => <Percent v={ratio(r.cost.bill, total.cost.bill)} f="share" />, value: (r) => ratio(r.cost.bill, total.cost.bill) },
              { key: 'wasted', label: 'Wasted', f: 'wasted', cell: (r) => <Money v={r.cost.wasted} f="wasted" />, value: (r) => r.cost.wasted },
              { key: 'compute', label: 'Compute', f: 'compute', cell: (r) => <Percent v={r.compute.mean} f="compute" />, value: (r) => r.compute.mean },
            ]}
          />
        )}
      </Show>
    </Panel>
  );
}

/** "finding/idle-gpu" or the subject itself, where it is one thing that can be explained. */
export function subjectOf(f: Finding): string {
  const s = f.subject;
  if (s.gpu) return `gpu/${s.gpu}`;
  if (s.pod && s.namespace) return `pod/${s.namespace}/${s.pod}`;
  if (s.workload && s.namespace) return `workload/${s.namespace}/${s.workload}`;
  if (s.node) return `node/${s.node}`;
  return `finding/${f.rule}`;
}

function Findings({ rows, filtered }: { rows: Finding[]; filtered: boolean }) {
  return (
    <Panel title="Findings" aside={<span class="muted">{filtered ? 'of all teams; ' : ''}they overlap: do not add them up</span>}>
      <Table
        id="findings"
        caption="Findings, dearest first"
        rows={rows}
        rowKey={(f) => `${f.rule} ${JSON.stringify(f.subject)}`}
        pageSize={10}
        rowHref={(f) => href('breakdown', { explain: subjectOf(f) })}
        empty="Nothing to find fault with in this window."
        columns={[
          { key: 'severity', label: 'Severity', text: true, cell: (f) => <Tag tone={severityTone(f.severity)}>{f.severity}</Tag>, value: (f) => ['info', 'low', 'medium', 'high'].indexOf(f.severity) },
          {
            key: 'rule',
            label: 'Finding',
            text: true,
            cell: (f) => (
              <span class="finding">
                <CellLink href={href('breakdown', { explain: subjectOf(f) })}>{f.rule}</CellLink>
                <span class="clamp">{f.text}</span>
              </span>
            ),
            value: (f) => f.rule,
          },
          { key: 'cost', label: 'USD a month', f: 'findingCost', cell: (f) => <Money v={f.monthlyCost} f="findingCost" />, value: (f) => f.monthlyCost },
          { key: 'confidence', label: 'Conf.', f: 'confidence', cell: (f) => <Percent v={f.confidence} f="confidence" decimals={0} />, value: (f) => f.confidence },
        ]}
      />
    </Panel>
  );
}

export function Unknowns({ rows }: { rows: Unknown[] }) {
  return (
    <Panel title="Not known">
      <Table
        id="unknowns"
        caption="What is not known, and why"
        rows={rows}
        rowKey={(u) => u.what}
        pageSize={10}
        empty="Everything that was asked for is known."
        columns={[
          { key: 'what', label: 'What', text: true, cell: (u) => u.what, value: (u) => u.what },
          { key: 'hours', label: 'GPU-hours', f: 'unknownHours', cell: (u) => <Hours v={u.gpuHours} f="unknownHours" />, value: (u) => u.gpuHours },
          { key: 'why', label: 'Why, and what to do', text: true, cell: (u) => u.why, value: (u) => u.why },
        ]}
      />
    </Panel>
  );
}

function Corrections({ rows }: { rows: Correction[] }) {
  if (rows.length === 0) return null;
  return (
    <Panel title="Corrections of closed hours">
      <Table
        id="corrections"
        caption="Corrections of closed hours"
        rows={rows}
        rowKey={(c) => `${c.at} ${c.hour} ${c.cluster} ${c.namespace ?? ''} ${c.workload ?? ''}`}
        pageSize={10}
        columns={[
          { key: 'hour', label: 'Hour', text: true, cell: (c) => time(c.hour), value: (c) => c.hour },
          { key: 'cluster', label: 'Cluster', text: true, cell: (c) => c.cluster, value: (c) => c.cluster },
          { key: 'row', label: 'Workload', text: true, cell: (c) => [c.namespace, c.workload].filter(Boolean).map((n) => nameOf(n ?? '')).join('/') || 'all', value: (c) => `${c.namespace ?? ''}/${c.workload ?? ''}` },
          { key: 'at', label: 'Corrected', text: true, cell: (c) => time(c.at), value: (c) => c.at },
          { key: 'reason', label: 'Why', text: true, cell: (c) => c.reason, value: (c) => c.reason },
          { key: 'before', label: 'Before', cell: (c) => <Money v={c.before.bill} f="bill" />, value: (c) => c.before.bill },
          { key: 'after', label: 'After', cell: (c) => <Money v={c.after.bill} f="bill" />, value: (c) => c.after.bill },
        ]}
      />
    </Panel>
  );
}

export function Overview() {
  const q = useReport(['namespace']);
  const hours = q.data?.report.window.hours ?? 24;
  const history = useQuery<History>(q.data ? historyPath(param('step') ?? stepOf(hours)) : null);
  return (
    <>
      <Panel
        title="The bill, and where it goes"
        aside={
          q.data && param('window') ? (
            <span class="muted">
              {time(q.data.report.window.start)} – {time(q.data.report.window.end)} UTC
            </span>
          ) : null
        }
      >
        <Show q={q} lines={9}>
          {(f) => <Bill f={f} />}
        </Show>
      </Panel>
      {q.data ? <OverTime hours={hours} /> : null}
      <div class="two">
        <Top />
        {q.data ? <Findings rows={q.data.report.findings} filtered={!!param('team')} /> : null}
      </div>
      {q.data ? <Unknowns rows={q.data.report.unknowns} /> : null}
      {history.data ? <Corrections rows={history.data.corrections ?? []} /> : null}
    </>
  );
}
