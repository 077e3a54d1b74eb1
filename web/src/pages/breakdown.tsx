/* The bill by any dimension, down to the pod and the GPU. The way down is in the URL: `path` holds what was chosen
 * ("team=nlp/workload=chat"), `by` the dimension of the rows, `sel` the row whose details are open. */
import { ratio } from '../format';
import { hrefHere, param, setParams } from '../route';
import { isReserved, nameOf, useReport } from '../report';
import type { Row } from '../types';
import { Choice, Hours, Meter, Money, Panel, PARTS, PartsBar, Percent, Show, Swatch, Tag } from '../ui/bits';
import { CellLink, Table, type Column } from '../ui/table';
import { Explain } from './explain';

const DIMS = [
  ['namespace', 'Namespace'],
  ['team', 'Team'],
  ['project', 'Project'],
  ['model', 'Model'],
  ['workload', 'Workload'],
  ['pod', 'Pod'],
  ['node', 'Node'],
  ['gpu', 'GPU'],
  ['cluster', 'Cluster'],
] as const;

/** What a row is made of: the levels below it, the next one first. */
const BELOW: Record<string, readonly string[]> = { workload: ['pod', 'gpu'], pod: ['gpu'], node: ['gpu', 'pod', 'workload'], gpu: ['pod', 'workload'] };
const below = (by: string): readonly string[] => BELOW[by] ?? ['workload', 'pod', 'gpu'];

/** Names of these are only unique within a namespace. */
const NAMESPACED = new Set(['workload', 'pod']);

export type Step = readonly [dim: string, value: string];

/** "team=nlp/workload=a%2Fb": values are escaped, so that any name survives. */
export const parsePath = (text: string | undefined): Step[] =>
  (text ?? '')
    .split('/')
    .filter((s) => s.includes('='))
    .slice(0, 8)
    .map((s) => [s.slice(0, s.indexOf('=')), decode(s.slice(s.indexOf('=') + 1))] as const);

export const formatPath = (path: readonly Step[]): string => path.map(([d, v]) => `${d}=${encodeURIComponent(v)}`).join('/');

function decode(s: string): string {
  try {
    return decodeURIComponent(s);
  } catch {
    return s;
  }
}

/** The dimensions to ask for: those of the way down, a namespace where names need one, and the rows' own. */
export function dimensions(path: readonly Step[], by: string): string[] {
  const dims = path.map(([d]) => d);
  if (NAMESPACED.has(by)) dims.push('namespace');
  dims.push(by);
  return [...new Set(dims)];
}

export const within = (rows: readonly Row[], path: readonly Step[]): Row[] => rows.filter((r) => path.every(([d, v]) => r.key[d] === v));

const subjectOf = (row: Row, by: string): string | null => {
  const name = row.key[by];
  if (!name || isReserved(name) || isReserved(row.key.namespace) || name.endsWith('/unobserved')) return null;
  if (NAMESPACED.has(by)) return row.key.namespace ? `${by}/${row.key.namespace}/${name}` : null;
  return by === 'namespace' || by === 'node' || by === 'gpu' ? `${by}/${name}` : null;
};

const title = (by: string): string => DIMS.find(([d]) => d === by)?.[1] ?? by;

export function Breakdown() {
  const by = param('by') ?? 'namespace';
  const path = parsePath(param('path'));
  const q = useReport(dimensions(path, by));
  const sel = param('sel');
  const explain = param('explain');
  const keyOf = (r: Row): string => (NAMESPACED.has(by) && !path.some(([d]) => d === 'namespace') ? `${r.key.namespace ?? ''}/${r.key[by] ?? ''}` : (r.key[by] ?? ''));
  const custom = DIMS.some(([d]) => d === by) ? [] : ([[by, by]] as const);
  return (
    <>
      <div class="bar">
        <Choice label="Rows by" value={by} options={[...DIMS, ...custom]} onChange={(v) => setParams({ by: v, sel: null, explain: null, 'rows.page': null, path: formatPath(path.filter(([d]) => d !== v)) })} />
        <form
          class="inline"
          onSubmit={(e) => {
            e.preventDefault();
            const v = String(new FormData(e.currentTarget).get('label')).trim();
            if (v) setParams({ by: `label:${v}`, sel: null, explain: null, 'rows.page': null });
          }}
        >
          <label>
            <span class="muted">or by pod label</span> <input name="label" size={14} placeholder="app" defaultValue={by.startsWith('label:') ? by.slice(6) : ''} />
          </label>
        </form>
      </div>
      {path.length ? (
        <nav class="crumbs" aria-label="The way down">
          <a href={hrefHere({ path: null, by: path[0]?.[0] ?? null, sel: null, explain: null, 'rows.page': null })}>All</a>
          {path.map(([d, v], i) => (
            <span key={d}>
              {' › '}
              {i + 1 < path.length ? (
                <a href={hrefHere({ path: formatPath(path.slice(0, i + 1)), by: path[i + 1]?.[0] ?? by, sel: null, explain: null, 'rows.page': null })}>
                  {d} {nameOf(v)}
                </a>
              ) : (
                <strong>
                  {d} {nameOf(v)}
                </strong>
              )}
            </span>
          ))}
        </nav>
      ) : null}
      <Show q={q} lines={12}>
        {(f) => {
          const rows = within(f.rows, path);
          const chosen = rows.find((r) => keyOf(r) === sel);
          const most = rows.reduce((m, r) => Math.max(m, r.cost.bill ?? 0), 0);
          const whole = path.length ? null : f.total.cost.bill;
          const columns: Column<Row>[] = [
            {
              key: by,
              label: title(by),
              text: true,
              cell: (r) => (
                <CellLink href={hrefHere({ sel: keyOf(r) })}>
                  {NAMESPACED.has(by) && !isReserved(r.key[by]) && !path.some(([d]) => d === 'namespace') ? <span class="muted">{r.key.namespace}/</span> : null}
                  {nameOf(r.key[by])}
                </CellLink>
              ),
              value: keyOf,
            },
            { key: 'class', label: 'Class', text: true, cell: (r) => r.class ?? '', value: (r) => r.class },
            { key: 'parts', label: 'Parts', text: true, cell: (r) => <PartsBar cost={r.cost} whole={most} /> },
            { key: 'bill', label: 'Bill', f: 'bill', cell: (r) => <Money v={r.cost.bill} f="bill" />, value: (r) => r.cost.bill },
            ...(whole == null ? [] : [{ key: 'share', label: 'Share', f: 'share' as const, cell: (r: Row) => <Percent v={ratio(r.cost.bill, whole)} f="share" />, value: (r: Row) => ratio(r.cost.bill, whole) }]),
            { key: 'used', label: 'Used', f: 'used', cell: (r) => <Money v={r.cost.used} f="used" />, value: (r) => r.cost.used },
            { key: 'wasted', label: 'Wasted', f: 'wasted', cell: (r) => <Money v={r.cost.wasted} f="wasted" />, value: (r) => r.cost.wasted },
            { key: 'reclaimable', label: 'Reclaim.', f: 'reclaimable', cell: (r) => <Money v={r.cost.reclaimable} f="reclaimable" />, value: (r) => r.cost.reclaimable },
            { key: 'idle', label: 'Idle', f: 'idle', cell: (r) => <Money v={r.cost.idle} f="idle" />, value: (r) => r.cost.idle },
            { key: 'unknown', label: 'Unknown', f: 'unknown', cell: (r) => <Money v={r.cost.unknown} f="unknown" />, value: (r) => r.cost.unknown },
            { key: 'paid', label: 'GPU-h', f: 'paid', cell: (r) => <Hours v={r.gpuHours.paid} f="paid" />, value: (r) => r.gpuHours.paid },
            { key: 'compute', label: 'Compute', f: 'compute', cell: (r) => <Percent v={r.compute.mean} f="compute" />, value: (r) => r.compute.mean },
            { key: 'memory', label: 'Memory', f: 'memory', cell: (r) => <Percent v={r.memory.mean} f="memory" />, value: (r) => r.memory.mean },
          ];
          return (
            <>
              <Panel title={`Bill by ${title(by)}`}>
                <Table
                  id="rows"
                  caption={`Bill by ${title(by)}`}
                  columns={columns}
                  rows={rows}
                  rowKey={(r) => JSON.stringify(r.key)}
                  selected={chosen ? JSON.stringify(chosen.key) : ''}
                  csvHref={path.length ? undefined : q.csv}
                  csvName={`gpuwise-${by}`}
                  rowHref={(r) => hrefHere({ sel: keyOf(r), explain: null })}
                  empty="No row here in this window. Try a longer window, or go up."
                />
              </Panel>
              {chosen ? <Details row={chosen} by={by} path={path} /> : null}
            </>
          );
        }}
      </Show>
      {explain ? <Explain subject={explain} /> : null}
    </>
  );
}

const STATES = ['highHigh', 'lowHigh', 'highLow', 'lowLow'] as const;
const STATE_NAMES = { highHigh: 'Compute high, memory high', lowHigh: 'Compute low, memory high', highLow: 'Compute high, memory low', lowLow: 'Compute low, memory low' };

function Details({ row, by, path }: { row: Row; by: string; path: Step[] }) {
  const name = row.key[by] ?? '';
  const subject = subjectOf(row, by);
  const down: Step[] = [...path, ...(NAMESPACED.has(by) && row.key.namespace && !path.some(([d]) => d === 'namespace') ? [['namespace', row.key.namespace] as const] : []), [by, name] as const];
  const owner = Object.entries(row.owner);
  return (
    <>
      <Panel
        key={name}
        focus
        title={`${title(by)} ${nameOf(name)}`}
        aside={
          <>
            {below(by)
              .filter((d) => !path.some(([p]) => p === d))
              .map((d, i) => (
                <a key={d} class={i === 0 ? 'button primary' : 'button'} href={hrefHere({ path: formatPath(down), by: d, sel: null, explain: null, 'rows.page': null })}>
                  Its {d === 'gpu' ? 'GPU' : d}s
                </a>
              ))}
            <button type="button" onClick={() => setParams({ sel: null })}>
              Close
            </button>
          </>
        }
      >
        <PartsBar cost={row.cost} tall />
        <div class="details">
          <dl>
            {(['bill', ...PARTS, 'reclaimable'] as const).map((p) => (
              <div key={p}>
                <dt>
                  {p === 'bill' || p === 'reclaimable' ? null : <Swatch part={p} />}
                  {p[0]?.toUpperCase() + p.slice(1)}
                </dt>
                <dd>
                  <Money v={row.cost[p]} f={p} stop />
                </dd>
              </div>
            ))}
          </dl>
          <dl>
            {(
              [
                ['Paid', 'paid', 'paid'],
                ['Allocated', 'allocated', 'allocated'],
                ['Used', 'used', 'usedHours'],
                ['Idle', 'idle', 'idleHours'],
                ['Unknown', 'unknown', 'unknownHours'],
              ] as const
            ).map(([label, k, f]) => (
              <div key={k}>
                <dt>{label} GPU-hours</dt>
                <dd>
                  <Hours v={row.gpuHours[k]} f={f} stop />
                </dd>
              </div>
            ))}
          </dl>
          <dl>
            {(
              [
                ['Compute, mean', row.compute.mean, 'compute'],
                ['Compute, P95', row.compute.p95, 'computeP95'],
                ['Compute, peak', row.compute.peak, 'computePeak'],
                ['Memory, mean', row.memory.mean, 'memory'],
                ['Memory, peak', row.memory.peak, 'memoryPeak'],
              ] as const
            ).map(([label, v, f]) => (
              <div key={label}>
                <dt>{label}</dt>
                <dd>
                  <Meter v={v} />
                  <Percent v={v} f={f} stop />
                </dd>
              </div>
            ))}
          </dl>
          <dl>
            {STATES.map((s) => (
              <div key={s}>
                <dt>
                  <Swatch part={s} />
                  {STATE_NAMES[s]}
                </dt>
                <dd>
                  <Percent v={row.states[s]} f={s} stop />
                </dd>
              </div>
            ))}
            <div>
              <dt>
                <Swatch part="unknown" />
                State unknown
              </dt>
              <dd>
                <Percent v={row.states.unknown} f="stateUnknown" stop />
              </dd>
            </div>
          </dl>
        </div>
        <p class="muted owner">
          {row.class ? <Tag tone="plain">{row.class}</Tag> : null}
          {owner.map(([k, v]) => (
            <Tag key={k} tone="plain">
              {k} {v}
            </Tag>
          ))}
          {row.signal ? <span>Signal: {row.signal.split(',').join(', ')}</span> : null}
        </p>
        {subject ? null : <p class="muted">There is an explanation for namespaces, workloads, pods, nodes and GPUs: go one level down.</p>}
      </Panel>
      {subject ? <Explain subject={subject} onClose={() => setParams({ sel: null })} /> : null}
    </>
  );
}
