/* Hours whose cost or use was unlike those before them, and which rows moved. */
import { useMemo } from 'preact/hooks';
import type uPlot from 'uplot';
import { api, asCsv, useQuery } from '../api';
import { exactMoney, money, number, percent, time } from '../format';
import { href, hrefHere, param, setParams } from '../route';
import { nameOf } from '../report';
import type { Anomaly, History, Maybe } from '../types';
import { Money, Panel, Show, Tag, Value } from '../ui/bits';
import { axes, barRange, bars, Figure, fromZero, Plot, seconds, utc } from '../ui/plot';
import { CellLink, Table } from '../ui/table';
import { colour } from '../ui/theme';

const isMoney = (a: Anomaly): boolean => a.metric === 'cost';
const text = (a: Anomaly, v: Maybe): string => (isMoney(a) ? money(v) : percent(v));
const exact = (a: Anomaly, v: Maybe): string => (isMoney(a) ? exactMoney(v) : percent(v, 4));
const scope = (a: Anomaly): string => Object.entries(a.scope).map(([k, v]) => `${k} ${nameOf(v)}`).join(', ') || 'everything';
const keyText = (k: Anomaly['explanation'][number]['key']): string => (typeof k === 'string' ? nameOf(k) : Object.values(k).map(nameOf).join('/'));

export function Anomalies() {
  const path = api('anomalies');
  const q = useQuery<{ anomalies: Anomaly[] }>(path);
  const history = useQuery<History>(api('history', { step: 'hour', by: 'cluster' }));
  return (
    <>
      <Panel title="Anomalies">
        <Show q={q}>
          {({ anomalies }) => (
            <Table
              id="anomalies"
              caption="Anomalies of hourly cost and use"
              rows={anomalies}
              rowKey={(a) => a.id}
              selected={param('anomaly') ?? ''}
              csvHref={asCsv(path)}
              rowHref={(a) => hrefHere({ anomaly: a.id })}
              empty="Nothing out of the usual in this window. Hours are judged once there are three days of history, and told from the minimum amount on that the configuration sets."
              columns={[
                { key: 'at', label: 'From', text: true, cell: (a) => <CellLink href={hrefHere({ anomaly: a.id })}>{time(a.at)}</CellLink>, value: (a) => a.at },
                { key: 'end', label: 'To', text: true, cell: (a) => (a.end ? time(a.end) : <Tag tone="warn">open</Tag>), value: (a) => a.end },
                { key: 'metric', label: 'Of', text: true, cell: (a) => a.metric, value: (a) => a.metric },
                { key: 'scope', label: 'Scope', text: true, cell: scope, value: scope },
                { key: 'observed', label: 'Observed', f: 'observed', cell: (a) => <Value f="observed" exact={exact(a, a.observed)}>{text(a, a.observed)}</Value>, value: (a) => a.observed },
                { key: 'expected', label: 'Expected', f: 'expected', cell: (a) => <Value f="expected" exact={`${exact(a, a.expected)}, range ${exact(a, a.low)} to ${exact(a, a.high)}`}>{text(a, a.expected)}</Value>, value: (a) => a.expected },
                { key: 'impact', label: 'Impact', f: 'impact', cell: (a) => <Money v={a.impact} f="impact" />, value: (a) => a.impact },
                { key: 'score', label: 'Score', f: 'score', cell: (a) => <Value f="score">{number(a.score, 4)}</Value>, value: (a) => a.score },
              ]}
            />
          )}
        </Show>
      </Panel>
      {q.data ? q.data.anomalies.filter((a) => a.id === param('anomaly')).map((a) => <Details a={a} key={a.id} />) : null}
      <Panel title="Cost by the hour">
        <Show q={history}>{(h) => (h.steps.some((s) => s.total) ? <Hours h={h} anomalies={q.data?.anomalies ?? []} /> : <p class="empty">No hour of this window is closed yet.</p>)}</Show>
      </Panel>
    </>
  );
}

function Hours({ h, anomalies }: { h: History; anomalies: Anomaly[] }) {
  const marked = useMemo(() => h.steps.map((s) => anomalies.filter((a) => a.at < s.end && (a.end === null ? a.at >= s.start : a.end > s.start))), [h, anomalies]);
  const data = useMemo((): uPlot.AlignedData => {
    const usual = h.steps.map((s, i) => (marked[i]?.length ? null : (s.total?.cost.bill ?? null)));
    const odd = h.steps.map((s, i) => (marked[i]?.length ? (s.total?.cost.bill ?? null) : null));
    return [h.steps.map((s) => seconds(s.start)), usual, odd];
  }, [h, marked]);
  const rows = h.steps.map((s, i) => ({ s, a: marked[i] ?? [] }));
  return (
    <Figure
      id="hours"
      caption={
        <>
          <span class="key">
            <i class="swatch o-0" aria-hidden="true" />
            as usual
          </span>
          <span class="key">
            <i class="swatch p-wasted" aria-hidden="true" />
            an anomaly of this cluster or a part of it
          </span>
          <span>Bill of closed hours, UTC.</span>
        </>
      }
      table={() => (
        <Table
          id="hourly"
          caption="Bill of closed hours"
          rows={rows}
          rowKey={(r) => r.s.start}
          columns={[
            { key: 'hour', label: 'Hour', text: true, cell: (r) => time(r.s.start), value: (r) => r.s.start },
            { key: 'bill', label: 'Bill', f: 'bill', cell: (r) => <Money v={(r.s.total?.cost.bill ?? null)} f="bill" />, value: (r) => (r.s.total?.cost.bill ?? null) },
            { key: 'anomaly', label: 'Anomaly', text: true, cell: (r) => r.a.map((a) => `${a.metric} of ${scope(a)}`).join('; '), value: (r) => r.a.map((a) => a.id).join(' ') },
          ]}
        />
      )}
    >
      <Plot
        label="Bill by the hour, anomalies set apart"
        data={data}
        height={180}
        readout={(i) => (rows[i] ? `${time(rows[i].s.start)}: bill ${money(rows[i].s.total?.cost.bill)}${rows[i].a.length ? `; ${rows[i].a.map((a) => `anomaly of ${a.metric}, ${scope(a)}`).join('; ')}` : ''}` : ' ')}
        options={() => {
          const paths = bars();
          const one = (name: string): uPlot.Series => ({ width: 0, fill: colour(name), points: { show: false }, ...(paths ? { paths } : {}) });
          return { tzDate: utc, cursor: { y: false, points: { show: false }, drag: { x: false, y: false } }, scales: { x: barRange(3600), y: fromZero }, axes: axes(), series: [{}, one('o-0'), one('p-wasted')] };
        }}
      />
    </Figure>
  );
}

function Details({ a }: { a: Anomaly }) {
  const hour = new Date(Date.parse(a.at) - 86400e3).toISOString();
  const end = new Date((a.end ? Date.parse(a.end) : Date.parse(a.at) + 3600e3) + 86400e3).toISOString();
  return (
    <Panel
      focus
      title={`${a.metric === 'cost' ? 'Cost' : 'Use'} of ${scope(a)}, ${time(a.at)}`}
      aside={
        <>
          <a class="button" href={href('overview', { window: `${hour.slice(0, 19)}Z,${end.slice(0, 19)}Z`, step: 'hour' })}>
            The days around it
          </a>
          <button type="button" onClick={() => setParams({ anomaly: null })}>
            Close
          </button>
        </>
      }
    >
      <p class="prose">
        Observed {text(a, a.observed)} where {text(a, a.expected)} was expected ({text(a, a.low)} to {text(a, a.high)}).
        {a.impact == null ? '' : isMoney(a) ? ` Beyond the usual: ${money(a.impact)}.` : ` Wasted meanwhile: ${money(a.impact)}.`}
      </p>
      <Table
        id="moved"
        caption="Rows that moved"
        showCaption
        rows={a.explanation}
        rowKey={(e) => keyText(e.key)}
        empty="No single row stands out: the change is spread over many, or use changed and not cost."
        columns={[
          { key: 'key', label: 'What', text: true, cell: (e) => keyText(e.key), value: (e) => keyText(e.key) },
          { key: 'before', label: 'Before', cell: (e) => <Money v={e.before} />, value: (e) => e.before },
          { key: 'after', label: 'After', cell: (e) => <Money v={e.after} />, value: (e) => e.after },
          { key: 'delta', label: 'Change', cell: (e) => <Money v={e.delta} />, value: (e) => e.delta },
        ]}
      />
    </Panel>
  );
}
