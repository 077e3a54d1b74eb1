/* What to change and what it saves: the plan of the CLI, with its evidence and its manifests. */
import { useState } from 'preact/hooks';
import { ApiError, api, refresh, request, status, useQuery } from '../api';
import { count, money, number, ratio } from '../format';
import { param, setParams } from '../route';
import type { Action, Followed, Held, Manifests, Maybe, Plan } from '../types';
import { Empty, Meter, Money, Panel, PartsBar, Percent, severityTone, Show, Tag, Value } from '../ui/bits';
import { CellLink, save, Table, type Column } from '../ui/table';
import { hrefHere } from '../route';
import { Unknowns } from './overview';

/** "$512.28–$516.32": one amount where both ends are the same to the cent. */
export function range(low: Maybe, high: Maybe): string {
  const [a, b] = [money(low), money(high)];
  return a === b ? a : low == null || high == null ? `${a} to ${b}` : `${a} – ${b}`;
}

const exact = (low: Maybe, high: Maybe): string => `${low == null ? 'unknown' : number(low, 6)} to ${high == null ? 'unknown' : number(high, 6)} USD a month`;

function Saves({ low, high, f, stop }: { low: Maybe; high: Maybe; f: 'saving' | 'alone'; stop?: boolean }) {
  return (
    <Value f={f} exact={exact(low, high)} stop={stop}>
      {low == null && high == null ? 'unknown' : range(low, high)}
    </Value>
  );
}

function Totals({ p }: { p: Plan }) {
  const chosen = p.actions.filter((a) => a.chosen).length;
  const most = Math.max(p.before.monthlyBill ?? 0, p.after.monthlyBill ?? 0);
  const bar = (label: string, v: Maybe, f: 'monthlyBill' | 'bound') => (
    <div>
      <dt>{label}</dt>
      <dd>
        <Meter v={most ? ratio(v, most) : null} tone={f === 'bound' ? 'plain' : 'accent'} />
        <Money v={v} f={f} stop />
      </dd>
    </div>
  );
  return (
    <>
      <div class="figures">
        <div class="big">
          <span class="label">Saves a month</span>
          <strong id="plan-saving">
            <Saves low={p.saving.monthlyLow} high={p.saving.monthlyHigh} f="saving" stop />
          </strong>
        </div>
        <div class="big">
          <span class="label">Of the bill</span>
          <strong>
            <Percent v={ratio(p.saving.monthlyHigh, p.before.monthlyBill)} f="saving" stop />
          </strong>
        </div>
        <div class="big">
          <span class="label">Actions</span>
          <strong>{chosen}</strong>
        </div>
        {p.bound ? (
          <div class="big">
            <span class="label">Above the bound</span>
            <strong>
              <Percent v={p.bound.gap} f="gap" stop />
            </strong>
          </div>
        ) : null}
      </div>
      <dl class="rows">
        {bar('Bill a month now', p.before.monthlyBill, 'monthlyBill')}
        {bar('After the plan', p.after.monthlyBill, 'monthlyBill')}
        {p.bound ? bar('Bound: no plan of these kinds is cheaper', p.bound.monthlyBill, 'bound') : null}
      </dl>
      {p.bound ? <p class="muted prose">The bound rests on {p.bound.how}.</p> : null}
      <div class="beforeafter" aria-hidden="true">
        <span>now</span>
        <PartsBar cost={p.before.cost} whole={Math.max(p.before.cost.bill ?? 0, p.after.cost.bill ?? 0)} />
        <span>after</span>
        <PartsBar cost={p.after.cost} whole={Math.max(p.before.cost.bill ?? 0, p.after.cost.bill ?? 0)} />
      </div>
      {p.partial ? <p class="banner g-warn">A part of the sources is missing: what it holds is neither planned nor priced. “Not known” below says which.</p> : null}
    </>
  );
}

const columns: Column<Action>[] = [
  { key: 'step', label: 'Step', cell: (a) => (a.step == null ? '–' : String(a.step)), value: (a) => a.step },
  {
    key: 'kind',
    label: 'Action',
    text: true,
    cell: (a) => (
      <span class="finding">
        <CellLink href={hrefHere({ action: a.id })}>{a.kind}</CellLink>
        <span>{a.subject}</span>
        <span class="muted">
          {a.is} → {a.should}
        </span>
      </span>
    ),
    value: (a) => a.id,
  },
  { key: 'saves', label: 'Saves a month', f: 'saving', cell: (a) => <Saves low={a.share.monthlyLow} high={a.share.monthlyHigh} f="saving" />, value: (a) => a.share.monthlyHigh },
  { key: 'alone', label: 'Alone', f: 'alone', cell: (a) => <Saves low={a.alone.monthlyLow} high={a.alone.monthlyHigh} f="alone" />, value: (a) => a.alone.monthlyHigh },
  { key: 'risk', label: 'Risk', text: true, cell: (a) => <Tag tone={severityTone(a.risk.level)}>{a.risk.level}</Tag>, value: (a) => ['low', 'medium', 'high'].indexOf(a.risk.level) },
  { key: 'confidence', label: 'Conf.', f: 'confidence', cell: (a) => <Percent v={a.confidence} f="confidence" decimals={0} />, value: (a) => a.confidence },
  { key: 'restarts', label: 'Restarts', f: 'restarts', cell: (a) => <Value f="restarts">{number(a.blast.podsRestarted, 0)}</Value>, value: (a) => a.blast.podsRestarted },
];

export function PlanPage() {
  const q = useQuery<Plan>(api('plan'));
  const id = param('action');
  return (
    <>
      <Panel title="What the plan comes to">
        <Show q={q} lines={8}>
          {(p) => <Totals p={p} />}
        </Show>
      </Panel>
      {q.data ? <Actions p={q.data} id={id} /> : null}
    </>
  );
}

function Actions({ p, id }: { p: Plan; id: string | undefined }) {
  const chosen = p.actions.filter((a) => a.chosen);
  const not = p.actions.filter((a) => !a.chosen);
  const open = p.actions.find((a) => a.id === id);
  const table = (tid: string, caption: string, rows: Action[], cols: Column<Action>[]) => (
    <Table
      id={tid}
      caption={caption}
      columns={cols}
      rows={rows}
      rowKey={(a) => a.id}
      selected={open?.id ?? ''}
      rowHref={(a) => hrefHere({ action: a.id })}
      empty="No action pays in this window. Held back, below, says what stays as it is and why."
    />
  );
  return (
    <>
      <Panel title="Actions, in the order of carrying them out">{table('actions', 'Actions of the plan', chosen, columns)}</Panel>
      {id && !open ? <Empty>This plan has no action {id}. It may have been carried out, or the window differs.</Empty> : null}
      {open ? <Details a={open} key={open.id} /> : null}
      {not.length ? (
        <Panel title="Not chosen">
          {table('not', 'Actions that were considered and not chosen', not, [...columns.filter((c) => c.key !== 'step'), { key: 'why', label: 'Why not', text: true, cell: (a) => a.whyNot ?? '', value: (a) => a.whyNot }])}
        </Panel>
      ) : null}
      <Panel title="Held back: what stays as it is, and why">
        <Table<Held>
          id="held"
          caption="What is held back, and why"
          rows={p.held}
          rowKey={(h) => h.why}
          pageSize={10}
          empty="Nothing is held back."
          columns={[
            { key: 'why', label: 'Why', text: true, cell: (h) => h.why, value: (h) => h.why },
            { key: 'cost', label: 'USD a month', f: 'held', cell: (h) => <Money v={h.monthlyCost} f="held" />, value: (h) => h.monthlyCost },
            { key: 'gpus', label: 'GPUs', cell: (h) => number(h.gpus, 0), value: (h) => h.gpus },
            { key: 'pods', label: 'Pods', cell: (h) => number(h.pods, 0), value: (h) => h.pods },
            { key: 'nodes', label: 'Nodes', cell: (h) => number(h.nodes, 0), value: (h) => h.nodes },
          ]}
        />
      </Panel>
      {p.notes.length ? (
        <Panel title="Not considered">
          <ul class="notes">
            {p.notes.map((n) => (
              <li key={n}>{n}</li>
            ))}
          </ul>
        </Panel>
      ) : null}
      <Unknowns rows={p.unknowns} />
    </>
  );
}

function Details({ a }: { a: Action }) {
  const c = a.change;
  const facts = Object.entries(a.evidence);
  return (
    <Panel
      focus
      id="action"
      title={a.id}
      aside={
        <>
          <Accept a={a} />
          <button type="button" onClick={() => setParams({ action: null, file: null })}>
            Close
          </button>
        </>
      }
    >
      <p class="prose">{a.text}</p>
      <div class="details">
        <dl>
          <div>
            <dt>Is</dt>
            <dd>{a.is}</dd>
          </div>
          <div>
            <dt>Should be</dt>
            <dd>{a.should}</dd>
          </div>
          <div>
            <dt>Rule</dt>
            <dd>{a.rule}</dd>
          </div>
          {a.whyNot ? (
            <div>
              <dt>Why not</dt>
              <dd>{a.whyNot}</dd>
            </div>
          ) : null}
        </dl>
        <dl>
          <div>
            <dt>Saves a month</dt>
            <dd>
              <Saves low={a.share.monthlyLow} high={a.share.monthlyHigh} f="saving" stop />
            </dd>
          </div>
          <div>
            <dt>Alone</dt>
            <dd>
              <Saves low={a.alone.monthlyLow} high={a.alone.monthlyHigh} f="alone" stop />
            </dd>
          </div>
          <div>
            <dt>Confidence</dt>
            <dd>
              <Percent v={a.confidence} f="confidence" stop />
            </dd>
          </div>
          <div>
            <dt>Risk</dt>
            <dd>
              <Tag tone={severityTone(a.risk.level)}>{a.risk.level}</Tag> {a.risk.why}
            </dd>
          </div>
          <div>
            <dt>Touches</dt>
            <dd>
              {count(a.blast.podsRestarted, 'restart')}, {count(a.blast.productionPods, 'production pod')}, {count(a.blast.workloads, 'workload')}, {count(a.blast.nodes, 'node')}
            </dd>
          </div>
          <div>
            <dt>Restarts cost, once</dt>
            <dd>
              <Money v={a.blast.restartCost} f="restartCost" stop />
            </dd>
          </div>
        </dl>
      </div>
      <div class="three">
        <section>
          <h3>Evidence</h3>
          <dl class="facts">
            {facts.map(([k, v]) => (
              <div key={k}>
                <dt>{k}</dt>
                <dd>{v === null ? <span class="is-unknown">unknown</span> : typeof v === 'object' ? JSON.stringify(v) : String(v)}</dd>
              </div>
            ))}
          </dl>
        </section>
        <section>
          <h3>Before it is done</h3>
          {a.prerequisites.length ? (
            <ul class="notes">
              {a.prerequisites.map((x) => (
                <li key={x}>{x}</li>
              ))}
            </ul>
          ) : (
            <p class="muted">Nothing has to be there first.</p>
          )}
          {a.after.length ? (
            <p>
              After: {a.after.join(', ')}
            </p>
          ) : null}
          {a.conflicts.length ? <p>Not together with: {a.conflicts.join(', ')}</p> : null}
        </section>
        <section>
          <h3>What changes</h3>
          <ul class="notes">
            {c.releases?.map((n) => (
              <li key={n.name}>give back node {n.name}</li>
            ))}
            {c.hires?.length ? <li>hire {count(c.hires.length, 'node')}</li> : null}
            {c.cuts?.length ? <li>cut {count(c.cuts.length, 'board')} anew</li> : null}
            {c.resizes?.length ? <li>resize {count(c.resizes.length, 'container')}</li> : null}
            {c.moves?.slice(0, 20).map((m) => (
              <li key={`${m.pod.namespace}/${m.pod.name}`}>
                {m.restarts ? 'restart' : 'place'} {m.pod.namespace}/{m.pod.name}
                {m.node ? ` on ${m.node.name}` : ''}
              </li>
            ))}
            {c.moves && c.moves.length > 20 ? <li>and {c.moves.length - 20} more</li> : null}
          </ul>
        </section>
      </div>
      <ManifestView id={a.id} />
    </Panel>
  );
}

function ManifestView({ id }: { id: string }) {
  const file = param('file');
  const q = useQuery<Manifests>(file === undefined ? null : api('plan/manifests', { action: id }));
  if (file === undefined)
    return (
      <p>
        <button type="button" onClick={() => setParams({ file: '0' }, true)}>
          Show the manifests
        </button>
      </p>
    );
  return (
    <section class="manifests" aria-label="Manifests">
      <h3>Manifests</h3>
      <Show q={q}>
        {(m) => {
          const i = Math.min(m.files.length - 1, Number(file) || 0);
          const f = m.files[i];
          if (!f) return <Empty>This action needs no file.</Empty>;
          const base = f.path.split('/').pop() ?? f.path;
          return (
            <div class="files">
              <ul>
                {m.files.map((x, j) => (
                  <li key={x.path}>
                    <a href={hrefHere({ file: String(j) })} aria-current={j === i ? 'true' : undefined}>
                      {x.path}
                    </a>
                  </li>
                ))}
              </ul>
              <div>
                <p class="bar">
                  <button type="button" onClick={() => save(base, f.content, 'text/plain')}>
                    Download {base}
                  </button>
                  <button type="button" onClick={() => m.files.forEach((x) => save(x.path.replace(/\//g, '_'), x.content, 'text/plain'))}>
                    Download all {m.files.length}
                  </button>
                </p>
                <pre tabIndex={0} aria-label={f.path}>
                  {f.content}
                </pre>
              </div>
            </div>
          );
        }}
      </Show>
    </section>
  );
}

/** Following changes nothing in a cluster: it writes down that the action is being taken, so that its saving is checked. */
function Accept({ a }: { a: Action }) {
  const role = status.value.data?.auth?.role;
  const followed = useQuery<{ actions: Followed[] }>(api('actions'));
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  if (role !== 'admin') return null;
  const has = followed.data?.actions.some((x) => x.id === a.id && !x.stoppedAt) ?? false;
  const send = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const r = has
        ? await request(`api/v1/actions/${encodeURIComponent(a.id)}`, { method: 'DELETE' })
        : await request('api/v1/actions', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ id: a.id }) });
      await r.text(); /* what nobody reads keeps the connection busy */
      refresh();
    } catch (e) {
      setError(e instanceof ApiError ? e.message : String(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {error ? (
        <span class="bad-text" role="alert">
          {error}
        </span>
      ) : null}
      <button
        type="button"
        class="primary"
        disabled={busy}
        onClick={() => void send()}
        data-tip={has ? 'Stop comparing what it saves with what was predicted.' : 'Notes that this action is being taken, and compares its saving after 1, 7 and 30 days. Changes nothing in the cluster.'}
      >
        {has ? 'Stop following' : 'Accept and follow'}
      </button>
    </>
  );
}

