/* What accepted actions were to save, and what they saved: after 1, 7 and 30 days, misses included. */
import { useState } from 'preact/hooks';
import { api, ApiError, asCsv, refresh, request, status, useQuery } from '../api';
import { day, money, number, ratio, sum, time } from '../format';
import { href } from '../route';
import type { Followed, Maybe } from '../types';
import { Empty, Money, Panel, Percent, Show, Value } from '../ui/bits';
import { Figure } from '../ui/plot';
import { CellLink, Table, type Column } from '../ui/table';
import { range } from './plan';

const DAYS = [1, 7, 30] as const;
type Check = Followed['checks'][number];

const check = (a: Followed, days: number): Check | undefined => a.checks.find((c) => c.days === days);

export const tone = (c: Check): 'good' | 'warn' | 'bad' | 'plain' => {
  const r = ratio(c.realised, c.predicted);
  return r === null ? 'plain' : r >= 0.8 ? 'good' : r >= 0.4 ? 'warn' : 'bad';
};

function CheckCell({ c }: { c: Check | undefined }) {
  if (!c) return <span class="muted">–</span>;
  if (c.state === 'pending') return <span class="muted">due {time(c.dueAt).slice(0, 10)}</span>;
  return (
    <span class="check" data-tip={[c.note ?? '', c.demandFactor == null ? '' : `Demand factor ${number(c.demandFactor, 3)}`, c.uncorrected == null ? '' : `Not corrected for demand: ${money(c.uncorrected)} a month`].filter(Boolean).join('\n') || undefined}>
      <Money v={c.realised} f="realised" />
      <span class="muted"> of {money(c.predicted)}</span>
      {c.note ? <small class="muted">{c.note}</small> : null}
    </span>
  );
}

/** Sums over the checks of a horizon of which both numbers are known: others would compare unlike things. */
export function totals(actions: readonly Followed[], days: number): { predicted: Maybe; realised: Maybe; n: number } {
  const both = actions.map((a) => check(a, days)).filter((c): c is Check => c?.state === 'done' && c.predicted != null && c.realised != null);
  return { predicted: sum(both.map((c) => c.predicted)), realised: sum(both.map((c) => c.realised)), n: both.length };
}

function Bars({ actions }: { actions: Followed[] }) {
  const rows = actions.flatMap((a) => DAYS.map((d) => ({ a, d, c: check(a, d) })).filter((x): x is { a: Followed; d: 1 | 7 | 30; c: Check } => x.c?.state === 'done' && x.c.realised != null && x.c.predicted != null));
  if (rows.length === 0) return <Empty>No check has been done yet: the first one is a day after an action was accepted.</Empty>;
  return (
    <Figure
      id="realised"
      caption={<span>Dollars a month. Bar: realised. Mark: predicted. Each row in proportion to its own prediction; left of the line the bill rose.</span>}
      table={() => (
        <Table
          id="checks"
          caption="Checks that are done"
          rows={rows}
          rowKey={(r) => `${r.a.id} ${r.d}`}
          columns={[
            { key: 'action', label: 'Action', text: true, cell: (r) => r.a.id, value: (r) => r.a.id },
            { key: 'days', label: 'Days', cell: (r) => String(r.d), value: (r) => r.d },
            { key: 'predicted', label: 'Predicted', f: 'predicted', cell: (r) => <Money v={r.c.predicted} f="predicted" />, value: (r) => r.c.predicted },
            { key: 'realised', label: 'Realised', f: 'realised', cell: (r) => <Money v={r.c.realised} f="realised" />, value: (r) => r.c.realised },
            { key: 'plain', label: 'Not corrected', cell: (r) => <Money v={r.c.uncorrected} />, value: (r) => r.c.uncorrected ?? null },
            { key: 'demand', label: 'Demand factor', f: 'demandFactor', cell: (r) => <Value f="demandFactor">{number(r.c.demandFactor, 3)}</Value>, value: (r) => r.c.demandFactor },
          ]}
        />
      )}
    >
      <ul class="realised">
        {rows.slice(0, 30).map(({ a, d, c }) => {
          const share = Math.max(-0.5, Math.min(1.5, ratio(c.realised, c.predicted) ?? 0));
          return (
            <li key={`${a.id} ${d}`}>
              <span class="name">
                {a.summary || a.id} <span class="muted">after {d} d</span>
              </span>
              <span class="track" aria-hidden="true">
                <i class={`t-${tone(c)}`} style={{ left: `${(share < 0 ? 0.5 + share : 0.5) * 50}%`, width: `${Math.abs(share) * 50}%` }} />
                <b class="zero" />
                <b class="mark" />
              </span>
              <span class="n">
                <Money v={c.realised} f="realised" stop /> <span class="muted">of {money(c.predicted)}</span>
              </span>
            </li>
          );
        })}
      </ul>
    </Figure>
  );
}

export function Savings() {
  const path = api('actions');
  const q = useQuery<{ actions: Followed[] }>(path);
  const [error, setError] = useState<string | null>(null);
  const admin = status.value.data?.auth?.role === 'admin';
  const stop = async (id: string): Promise<void> => {
    try {
      setError(null);
      await (await request(`api/v1/actions/${encodeURIComponent(id)}`, { method: 'DELETE' })).text();
      refresh();
    } catch (e) {
      setError(e instanceof ApiError ? e.message : String(e));
    }
  };
  const columns: Column<Followed>[] = [
    {
      key: 'action',
      label: 'Action',
      text: true,
      cell: (a) => (
        <span class="finding">
          <CellLink href={href('plan', { action: a.id })}>{a.id}</CellLink>
          <span class="muted">{a.summary}</span>
        </span>
      ),
      value: (a) => a.id,
    },
    { key: 'accepted', label: 'Accepted', text: true, cell: (a) => `${time(a.acceptedAt)}${a.acceptedBy ? ` by ${a.acceptedBy}` : ''}`, value: (a) => a.acceptedAt },
    { key: 'predicted', label: 'Predicted, a month', f: 'saving', cell: (a) => <Value f="saving">{range(a.predictedMonthly.low, a.predictedMonthly.high)}</Value>, value: (a) => a.predictedMonthly.high },
    ...DAYS.map((d) => ({ key: `d${d}`, label: `After ${d} d`, f: 'realised' as const, cell: (a: Followed) => <CheckCell c={check(a, d)} />, value: (a: Followed) => check(a, d)?.realised ?? null })),
    ...(admin
      ? [
          {
            key: 'stop',
            label: 'Following',
            text: true,
            cell: (a: Followed) => a.stoppedAt ? <span class="muted">stopped {day(a.stoppedAt)}</span> : (
              <button type="button" tabIndex={-1} onClick={() => void stop(a.id)} aria-label={`Stop following ${a.id}`}>
                Stop
              </button>
            ),
          },
        ]
      : []),
  ];
  return (
    <Show q={q} lines={10}>
      {({ actions }) =>
        actions.length === 0 ? (
          <Panel title="No action is followed yet">
            <Empty>
              Choose an action of the <a href={href('plan')}>plan</a> and accept it when you carry it out. gpuwise then compares what it saves with what was predicted, after 1, 7 and 30 days.
            </Empty>
          </Panel>
        ) : (
          <>
            {error ? (
              <div class="failure" role="alert">
                {error}
              </div>
            ) : null}
            <Panel title="Realised against predicted">
              <div class="figures">
                {DAYS.map((d) => {
                  const t = totals(actions, d);
                  return (
                    <div class="big" key={d}>
                      <span class="label">
                        After {d} {d === 1 ? 'day' : 'days'}, {t.n} checked, a month
                      </span>
                      <strong>{t.n ? <Money v={t.realised} f="realised" stop /> : <span class="is-unknown">none due yet</span>}</strong>
                      {t.n ? (
                        <span class="muted">
                          of {money(t.predicted)}, <Percent v={ratio(t.realised, t.predicted)} f="realised" decimals={0} stop />
                        </span>
                      ) : null}
                    </div>
                  );
                })}
              </div>
              <Bars actions={actions} />
            </Panel>
            <Panel title="Followed actions">
              <Table id="followed" caption="Followed actions, predicted and realised" rows={actions} rowKey={(a) => a.id} csvHref={asCsv(path)} columns={columns} />
            </Panel>
          </>
        )
      }
    </Show>
  );
}

