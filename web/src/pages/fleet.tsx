/* Every GPU a tile on its node, hour by hour. MIG instances and shared parts are drawn by their weight. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { api, useQuery } from '../api';
import { count, exactMoney, money, number, percent, time } from '../format';
import { href, hrefHere, param, paramInt, setParams } from '../route';
import type { FleetGpu, FleetMap, FleetNode, FleetUnit, Holder, Maybe } from '../types';
import { Choice, Empty, Money, Panel, Percent, Show, Tag } from '../ui/bits';
import { axes, Figure, Plot, seconds, utc } from '../ui/plot';
import { rove } from '../ui/rove';
import { CellLink, Table } from '../ui/table';
import { colour } from '../ui/theme';

const COLOURS = [
  ['compute', 'Compute'],
  ['memory', 'Memory'],
  ['state', 'State'],
  ['owner', 'Owner'],
  ['cost', 'Cost'],
] as const;
type Colour = (typeof COLOURS)[number][0];

const NODES_A_PAGE = 60;
const PLAY_MS = 300;
const OWNERS_MAX = 10;

/** What one part of a GPU was in one hour. */
export interface Now {
  compute: Maybe;
  memory: Maybe;
  cost: Maybe;
  state: string | null;
  holder: Holder | null;
  /** paid for in that hour at all */
  there: boolean;
  /** nobody held it; false also where no sample says so */
  free: boolean;
}

export function at(u: FleetUnit, i: number): Now {
  const h = u.holder[i];
  const there = (u.state[i] ?? null) !== null;
  const holder = h == null ? null : (u.holders[h] ?? null);
  return {
    compute: u.compute[i] ?? null,
    memory: u.memory[i] ?? null,
    cost: u.cost[i] ?? null,
    state: there ? (u.state[i] ?? null) : null,
    holder,
    there,
    free: there && holder === null && (u.compute[i] ?? null) !== null,
  };
}

export interface Part {
  u: FleetUnit;
  n: Now;
  /** of the board, in that hour */
  weight: number;
}

/** What a board was cut into in an hour. A board with MIG instances is a unit itself: what is left of it beside them.
 * Where nothing was there, its first unit stands for that. */
export function parts(g: FleetGpu, i: number): Part[] {
  const all = g.units.map((u) => ({ u, n: at(u, i), weight: u.weight }));
  const there = all.filter((p) => p.n.there);
  if (there.length === 0) return all.slice(0, 1);
  const cut = there.filter((p) => p.u.profile !== null);
  if (cut.length === 0) return there;
  const rest = 1 - cut.reduce((a, p) => a + p.weight, 0);
  const board = there.find((p) => p.u.profile === null);
  return board && rest > 0.01 ? [...cut, { ...board, weight: rest }] : cut;
}

const owner = (h: Holder | null): string => (h ? h.team || h.namespace : '');

const STATE_WORDS: Record<string, string> = {
  highHigh: 'compute high, memory high',
  lowHigh: 'compute low, memory high',
  highLow: 'compute high, memory low',
  lowLow: 'compute low, memory low',
};

const name = (g: FleetGpu): string => (g.index != null ? `GPU ${g.index}` : (g.uuid ?? 'GPUs that no exporter reports'));
/** Names a GPU in the URL; those that nobody reports have no UUID. */
const idOf = (g: FleetGpu, n: FleetNode): string => g.uuid ?? `${n.name ?? ''}/unobserved`;
const nodeName = (n: FleetNode): string => n.name ?? 'node unknown';

const partName = ({ u, weight }: Part): string => (u.profile ? `MIG ${u.profile}` : weight < 1 ? 'rest of the board' : '');

function words(p: Part): string {
  const { u, n } = p;
  const part = partName(p);
  if (!n.there) return `${part || 'GPU'}: not there in this hour`;
  const shared = !u.sharing || u.sharing === 'none' ? '' : `${u.sharing}, ${count(u.holders.length, 'holder')} in the window`;
  const who = n.holder ? `${n.holder.namespace}/${n.holder.pod}${n.holder.team ? ` (team ${n.holder.team})` : ''}` : n.free ? 'held by no pod' : 'holder unknown';
  return [part, shared, who, `compute ${percent(n.compute)}, memory ${percent(n.memory)}`, `cost of the hour ${exactMoney(n.cost)}`].filter(Boolean).join('\n');
}

/** Background of a part: a mix of two colours for a share, the state's or the owner's own, hatching for unknown. */
function paint(by: Colour, n: Now, owners: Map<string, number>, mostCost: number): { cls: string; background?: string } {
  const scale = (v: Maybe): { cls: string; background?: string } =>
    v === null ? { cls: 'p-unknown' } : { cls: '', background: `color-mix(in oklab, var(--scale-hi) ${Math.round(Math.min(1, v) * 100)}%, var(--scale-lo))` };
  if (!n.there) return { cls: 'nothing' };
  if (by === 'compute') return scale(n.compute);
  if (by === 'memory') return scale(n.memory);
  if (by === 'cost') return scale(n.cost === null ? null : mostCost > 0 ? n.cost / mostCost : 0);
  if (by === 'state') return n.free ? { cls: 'is-free' } : { cls: `p-${n.state ?? 'unknown'}` };
  if (n.free) return { cls: 'is-free' };
  if (!n.holder) return { cls: 'p-unknown' };
  const i = owners.get(owner(n.holder));
  return i === undefined ? { cls: 'o-other' } : { cls: `o-${i}` };
}

interface MapProps {
  nodes: FleetNode[];
  i: number;
  by: Colour;
  owners: Map<string, number>;
  mostCost: number;
  selected: string | undefined;
  matches: (h: Holder | null, n: FleetNode) => boolean;
}

function Tile({ g, node, p, first }: { g: FleetGpu; node: FleetNode; p: MapProps; first: boolean }) {
  const now = parts(g, p.i);
  const tip = [`${name(g)} on ${nodeName(node)}`, g.model ?? '', ...now.map(words)].filter(Boolean).join('\n');
  const dim = !now.some(({ n }) => p.matches(n.holder, node));
  const left = 1 - now.reduce((a, x) => a + x.weight, 0);
  return (
    <a
      class={`tile${dim ? ' dim' : ''}`}
      href={hrefHere({ gpu: idOf(g, node) })}
      tabIndex={first ? 0 : -1}
      aria-label={tip.replace(/\n/g, ', ')}
      aria-current={idOf(g, node) === p.selected ? 'true' : undefined}
      data-tip={tip}
    >
      {now.map(({ u, n, weight }) => {
        const c = paint(p.by, n, p.owners, p.mostCost);
        const shared = u.shared ? u.shared[p.i] : u.sharing !== null && u.sharing !== 'none';
        const slices = shared ? Math.max(2, u.holders.length) : 1;
        return (
          <i key={u.id} class={`${c.cls}${n.free ? ' free' : ''}`} style={{ flexGrow: weight, background: c.background ?? '' }}>
            {slices > 1 ? Array.from({ length: Math.min(slices, 8) }, (_, k) => <b key={k} />) : null}
          </i>
        );
      })}
      {left > 0.01 ? <i class="nothing" style={{ flexGrow: left }} /> : null}
    </a>
  );
}

function Legend({ by, owners, mostCost }: { by: Colour; owners: Map<string, number>; mostCost: number }) {
  const key = (cls: string, text: string) => (
    <span class="key" key={text}>
      <i class={`swatch ${cls}`} aria-hidden="true" />
      {text}
    </span>
  );
  return (
    <>
      {by === 'state' ? Object.entries(STATE_WORDS).map(([k, w]) => key(`p-${k}`, w)) : null}
      {by === 'owner' ? [...owners].map(([o, i]) => key(`o-${i}`, o)) : null}
      {by === 'owner' && owners.size === OWNERS_MAX ? key('o-other', 'others') : null}
      {by === 'compute' || by === 'memory' || by === 'cost' ? (
        <span class="key">
          {by === 'cost' ? '$0' : '0 %'}
          <i class="ramp" aria-hidden="true">
            {[0, 25, 50, 75, 100].map((x) => (
              <b key={x} style={{ background: `color-mix(in oklab, var(--scale-hi) ${x}%, var(--scale-lo))` }} />
            ))}
          </i>
          {by === 'cost' ? `${money(mostCost)} an hour` : '100 %'}
        </span>
      ) : null}
      {key('is-free', 'held by no pod')}
      {key('p-unknown', 'unknown')}
      {key('nothing', 'not there')}
    </>
  );
}

/** Hours by slider, by buttons, or by playing. */
function Scrubber({ hours, i }: { hours: string[]; i: number }) {
  const [playing, setPlaying] = useState(false);
  const go = (n: number): void => setParams({ at: n >= hours.length - 1 ? null : (hours[n] ?? null) }, true);
  useEffect(() => {
    if (!playing) return undefined;
    if (i >= hours.length - 1) {
      setPlaying(false);
      return undefined;
    }
    const t = setTimeout(() => go(i + 1), PLAY_MS);
    return () => clearTimeout(t);
  }, [playing, i]);
  return (
    <div class="scrubber">
      <button
        type="button"
        onClick={() => {
          if (!playing && i >= hours.length - 1) go(0);
          setPlaying(!playing);
        }}
      >
        {playing ? 'Pause' : 'Play'}
      </button>
      <input
        type="range"
        min={0}
        max={hours.length - 1}
        value={i}
        aria-label="Hour"
        aria-valuetext={`${time(hours[i])} UTC`}
        onInput={(e) => {
          setPlaying(false);
          go(Number(e.currentTarget.value));
        }}
      />
      <output>{time(hours[i])} UTC</output>
    </div>
  );
}

export function Fleet() {
  const q = useQuery<FleetMap>(api('fleet'));
  return (
    <Show q={q} lines={14}>
      {(f) =>
        f.nodes.length === 0 || f.hours.length === 0 ? (
          <Empty>No GPU was seen in this window. Try a longer window; or see on the Overview what is not known.</Empty>
        ) : (
          <Body f={f} />
        )
      }
    </Show>
  );
}

function Body({ f }: { f: FleetMap }) {
  const by = (COLOURS.find(([c]) => c === param('colour')) ?? COLOURS[0])[0];
  const asked = param('at');
  const found = asked ? f.hours.indexOf(asked) : -1;
  const i = found < 0 ? f.hours.length - 1 : found;
  const namespace = param('namespace');
  const team = param('team');
  const selected = param('gpu');

  const nodes = useMemo(() => [...f.nodes].sort((a, b) => (a.cluster ?? '').localeCompare(b.cluster ?? '') || nodeName(a).localeCompare(nodeName(b))), [f]);
  /* colours of owners are those of the whole window, so that they hold still while the hours go by */
  const owners = useMemo(() => {
    const weight = new Map<string, number>();
    for (const n of f.nodes)
      for (const g of n.gpus)
        for (const u of g.units)
          for (const h of u.holder) if (h != null && u.holders[h]) weight.set(owner(u.holders[h] ?? null), (weight.get(owner(u.holders[h] ?? null)) ?? 0) + u.weight);
    return new Map([...weight].sort((a, b) => b[1] - a[1]).slice(0, OWNERS_MAX).map(([o], k) => [o, k]));
  }, [f]);
  const mostCost = useMemo(() => {
    let m = 0;
    for (const n of f.nodes) for (const g of n.gpus) for (const u of g.units) for (const c of u.cost) if (c != null && c > m) m = c;
    return m;
  }, [f]);
  const cluster = param('cluster');
  const matches = (h: Holder | null, n: FleetNode): boolean => (!namespace || h?.namespace === namespace) && (!team || h?.team === team) && (!cluster || n.cluster === cluster);

  const pages = Math.ceil(nodes.length / NODES_A_PAGE);
  const page = Math.min(pages, Math.max(1, paramInt('nodes.page', 1)));
  const shown = nodes.slice((page - 1) * NODES_A_PAGE, page * NODES_A_PAGE);
  const props: MapProps = { nodes: shown, i, by, owners, mostCost, selected, matches };
  const now = nodes.flatMap((node) => node.gpus.flatMap((g) => parts(g, i).map((p) => ({ ...p, node, g })))).filter(({ n, node }) => matches(n.holder, node));
  const gpus = nodes.reduce((a, n) => a + n.gpus.length, 0);
  const open = nodes.flatMap((node) => node.gpus.filter((g) => idOf(g, node) === selected).map((g) => ({ node, g })))[0];
  const clusters = [...new Set(shown.map((n) => n.cluster))];
  const firstNode = shown.find((n) => n.gpus.length);
  const firstGpu = firstNode?.gpus[0] ? idOf(firstNode.gpus[0], firstNode) : undefined;

  return (
    <>
      <Panel title={`${count(gpus, 'GPU')} on ${count(nodes.length, 'node')}`} aside={<Choice label="Colour by" value={by} options={COLOURS} onChange={(v) => setParams({ colour: v === 'compute' ? null : v }, true)} />}>
        <Scrubber hours={f.hours} i={i} />
        <Figure
          id="fleet"
          caption={
            <>
              <Legend by={by} owners={owners} mostCost={mostCost} />
              <span>Each tile is a GPU; parts of a tile are MIG instances by weight, lines across are pods that share. Arrow keys walk the tiles.</span>
            </>
          }
          table={() => (
            <Table
              id="units"
              caption={`GPUs and their parts at ${time(f.hours[i])} UTC`}
              rows={now}
              rowKey={({ g, node, u }) => `${idOf(g, node)} ${u.id}`}
              csvName="gpuwise-fleet"
              rowHref={({ g, node }) => hrefHere({ gpu: idOf(g, node) })}
              columns={[
                { key: 'node', label: 'Node', text: true, cell: ({ node }) => nodeName(node), value: ({ node }) => node.name },
                { key: 'gpu', label: 'GPU', text: true, cell: ({ g, node }) => <CellLink href={hrefHere({ gpu: idOf(g, node) })}>{name(g)}</CellLink>, value: ({ g }) => g.index ?? g.uuid },
                { key: 'part', label: 'Part', text: true, cell: (p) => partName(p) || (!p.u.sharing || p.u.sharing === 'none' ? 'whole' : p.u.sharing), value: (p) => partName(p) || p.u.sharing },
                { key: 'weight', label: 'Weight', cell: (p) => number(p.weight, 3), value: (p) => p.weight },
                { key: 'holder', label: 'Held by', text: true, cell: ({ n }) => (n.holder ? `${n.holder.namespace}/${n.holder.pod}` : n.free ? 'no pod' : <span class="is-unknown">unknown</span>), value: ({ n }) => (n.holder ? `${n.holder.namespace}/${n.holder.pod}` : n.free ? 'no pod' : null) },
                { key: 'team', label: 'Team', text: true, cell: ({ n }) => n.holder?.team ?? '', value: ({ n }) => n.holder?.team ?? null },
                { key: 'compute', label: 'Compute', f: 'compute', cell: ({ n }) => <Percent v={n.compute} f="compute" />, value: ({ n }) => n.compute },
                { key: 'memory', label: 'Memory', f: 'memory', cell: ({ n }) => <Percent v={n.memory} f="memory" />, value: ({ n }) => n.memory },
                { key: 'cost', label: 'Cost', f: 'gpuCost', cell: ({ n }) => <Money v={n.cost} f="gpuCost" />, value: ({ n }) => n.cost },
                { key: 'state', label: 'State', text: true, cell: ({ n }) => (!n.there ? 'not there' : n.free ? 'free' : n.state && STATE_WORDS[n.state] ? STATE_WORDS[n.state] : <span class="is-unknown">unknown</span>), value: ({ n }) => n.state },
              ]}
            />
          )}
        >
          <div class="map" role="group" aria-label={`GPUs at ${time(f.hours[i])} UTC, coloured by ${by}`} onKeyDown={(e) => rove(e, '.tile', '.node')}>
            {clusters.map((c) => (
              <div key={c} class="zone">
                {clusters.length > 1 || c ? <h3>{c ?? 'no cluster'}</h3> : null}
                <div class="nodes">
                  {shown
                    .filter((n) => n.cluster === c)
                    .map((n) => (
                      <div key={n.name} class="node">
                        <div class="node-head">
                          <a href={href('breakdown', { by: 'gpu', path: `node=${encodeURIComponent(n.name ?? '')}` })} title={nodeName(n)} tabIndex={-1}>
                            {nodeName(n)}
                          </a>
                          <span class="muted">
                            {n.instanceType ?? <span class="is-unknown">unknown type</span>}
                            {n.capacity === 'spot' ? ' · spot' : ''} · {n.hourly == null ? <span class="is-unknown">price unknown</span> : `${money(n.hourly)}/h`}
                          </span>
                        </div>
                        <div class="tiles">
                          {n.gpus.map((g) => (
                            <Tile key={idOf(g, n)} g={g} node={n} p={props} first={idOf(g, n) === (open ? selected : firstGpu)} />
                          ))}
                        </div>
                      </div>
                    ))}
                </div>
              </div>
            ))}
          </div>
          {pages > 1 ? (
            <nav class="pager" aria-label="Pages of nodes">
              <button type="button" disabled={page <= 1} onClick={() => setParams({ 'nodes.page': String(page - 1) }, true)}>
                ‹ Nodes before
              </button>
              <span>
                page {page} of {pages}
              </span>
              <button type="button" disabled={page >= pages} onClick={() => setParams({ 'nodes.page': String(page + 1) }, true)}>
                Nodes after ›
              </button>
            </nav>
          ) : null}
        </Figure>
      </Panel>
      {open ? <Gpu f={f} node={open.node} g={open.g} key={selected} /> : selected ? <Empty>There is no GPU {selected} in this window.</Empty> : null}
    </>
  );
}

/** One GPU over the window: a line for each part, and who held it. */
function Gpu({ f, node, g }: { f: FleetMap; node: FleetNode; g: FleetGpu }) {
  return (
    <Panel
      focus
      title={`${name(g)} on ${nodeName(node)}`}
      aside={
        <>
          {g.uuid ? (
            <a class="button" href={href('breakdown', { explain: `gpu/${g.uuid}`, by: 'pod', path: `gpu=${encodeURIComponent(g.uuid)}` })}>
              Its bill, and how it came about
            </a>
          ) : null}
          <button type="button" onClick={() => setParams({ gpu: null })}>
            Close
          </button>
        </>
      }
    >
      <p class="owner">
        <Tag tone="plain">{g.model ?? 'model unknown'}</Tag>
        <Tag tone="plain">{g.memoryMib == null ? 'memory unknown' : `${number(g.memoryMib, 0)} MiB`}</Tag>
        {g.uuid ? <Tag tone="plain">{g.uuid}</Tag> : null}
      </p>
      {g.units.map((u) => (
        <Unit key={u.id} f={f} u={u} gpu={idOf(g, node)} alone={g.units.length === 1} cut={g.units.some((x) => x.profile !== null)} />
      ))}
    </Panel>
  );
}

function Unit({ f, u, gpu, alone, cut }: { f: FleetMap; u: FleetUnit; gpu: string; alone: boolean; cut: boolean }) {
  const data = useMemo((): uPlot.AlignedData => [f.hours.map(seconds), u.compute, u.memory], [f, u]);
  const rows = f.hours.map((h, i) => ({ h, n: at(u, i) }));
  const title = u.profile ? `MIG ${u.profile} (instance ${u.id})` : alone ? 'Compute and memory' : cut ? 'The board beside its instances' : u.id;
  return (
    <Figure
      id={`unit-${gpu}-${u.id}`}
      caption={
        <>
          <span class="key">
            <i class="swatch p-used" aria-hidden="true" />
            compute
          </span>
          <span class="key">
            <i class="swatch o-0" aria-hidden="true" />
            memory
          </span>
          <span>{title}, by the hour, UTC. A gap is unknown.</span>
        </>
      }
      table={() => (
        <Table
          id={`hours-${gpu}-${u.id}`}
          caption={`${title} by the hour`}
          rows={rows}
          rowKey={(r) => r.h}
          columns={[
            { key: 'hour', label: 'Hour', text: true, cell: (r) => time(r.h), value: (r) => r.h },
            { key: 'compute', label: 'Compute', f: 'compute', cell: (r) => <Percent v={r.n.compute} f="compute" />, value: (r) => r.n.compute },
            { key: 'memory', label: 'Memory', f: 'memory', cell: (r) => <Percent v={r.n.memory} f="memory" />, value: (r) => r.n.memory },
            { key: 'cost', label: 'Cost', f: 'gpuCost', cell: (r) => <Money v={r.n.cost} f="gpuCost" />, value: (r) => r.n.cost },
            { key: 'holder', label: 'Held by', text: true, cell: (r) => (r.n.holder ? `${r.n.holder.namespace}/${r.n.holder.pod}` : r.n.free ? 'no pod' : <span class="is-unknown">unknown</span>), value: (r) => r.n.holder?.pod ?? null },
          ]}
        />
      )}
    >
      <Plot
        label={`${title} by the hour`}
        height={130}
        data={data}
        readout={(i) => (rows[i] ? `${time(rows[i].h)}: compute ${percent(rows[i].n.compute)}, memory ${percent(rows[i].n.memory)}, ${rows[i].n.holder ? `held by ${rows[i].n.holder?.namespace}/${rows[i].n.holder?.pod}` : rows[i].n.free ? 'held by no pod' : 'holder unknown'}` : ' ')}
        options={() => ({
          tzDate: utc,
          cursor: { y: false, drag: { x: false, y: false } },
          scales: { y: { range: () => [0, 1] } },
          axes: axes((v) => percent(v, 0)),
          series: [
            {},
            { stroke: colour('p-used'), width: 1.5, spanGaps: false, points: { show: false } },
            { stroke: colour('o-0'), width: 1.5, spanGaps: false, points: { show: false } },
          ],
        })}
      />
    </Figure>
  );
}
