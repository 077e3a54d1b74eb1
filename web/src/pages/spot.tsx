import { api, asCsv, useQuery } from '../api';
import { percent } from '../format';
import type { Maybe, Spot, SpotRow } from '../types';
import { Empty, Hours, Meter, Money, Panel, Percent, Show, Tag } from '../ui/bits';
import { Table, type Column } from '../ui/table';

/* A part of the hours has no price: what they cost comes on top. */
function AtLeast({ v, is }: { v: Maybe | undefined; is: boolean | undefined }) {
  return (
    <>
      {v != null && is ? <span title="A part of the hours has no price: at least this">≥ </span> : null}
      <Money v={v} f="bill" />
    </>
  );
}

export function SpotPage() {
  const path = api('spot');
  const q = useQuery<Spot>(path);
  return (
    <Panel title="GPU-hours on spot capacity, by class of work">
      <Show q={q}>
        {(s) => {
          const target = (r: SpotRow): number | null => s.targets[r.class] ?? null;
          const met = (r: SpotRow): boolean | null => (r.coverage == null || target(r) == null ? null : r.coverage >= (target(r) ?? 0));
          const has = (k: 'reservedHours' | 'lackingHours' | 'spotCost' | 'otherCost'): boolean => s.rows.some((r) => r[k] !== undefined);
          const columns: Column<SpotRow>[] = [
            { key: 'class', label: 'Class', text: true, cell: (r) => r.class, value: (r) => r.class },
            {
              key: 'coverage',
              label: 'Coverage',
              f: 'coverage',
              cell: (r) => (
                <>
                  <Meter v={r.coverage} mark={target(r) ?? undefined} tone={met(r) === null ? 'plain' : met(r) ? 'good' : 'warn'} />
                  <Percent v={r.coverage} f="coverage" />
                </>
              ),
              value: (r) => r.coverage,
            },
            { key: 'target', label: 'Target', cell: (r) => (target(r) == null ? <span class="muted">no target</span> : percent(target(r), 0)), value: target },
            {
              key: 'met',
              label: 'Met',
              text: true,
              cell: (r) => (met(r) === null ? <span class="muted">{target(r) == null ? '' : 'unknown'}</span> : <Tag tone={met(r) ? 'good' : 'warn'}>{met(r) ? 'yes' : 'no'}</Tag>),
              value: (r) => (met(r) === null ? null : Number(met(r))),
            },
            { key: 'spot', label: 'Spot', f: 'capacityHours', cell: (r) => <Hours v={r.spotHours} f="capacityHours" />, value: (r) => r.spotHours },
            { key: 'demand', label: 'On-demand', f: 'capacityHours', cell: (r) => <Hours v={r.onDemandHours} f="capacityHours" />, value: (r) => r.onDemandHours },
            ...(has('reservedHours') ? [{ key: 'reserved', label: 'Reserved', f: 'capacityHours' as const, cell: (r: SpotRow) => <Hours v={r.reservedHours} f="capacityHours" />, value: (r: SpotRow) => r.reservedHours ?? null }] : []),
            { key: 'unknown', label: 'Capacity unknown', f: 'capacityHours', cell: (r) => <Hours v={r.unknownHours} f="capacityHours" />, value: (r) => r.unknownHours },
            ...(has('lackingHours') ? [{ key: 'lacking', label: 'Lacking', f: 'lacking' as const, cell: (r: SpotRow) => (target(r) == null ? <span class="muted">no target</span> : <Hours v={r.lackingHours} f="lacking" />), value: (r: SpotRow) => r.lackingHours ?? null }] : []),
            ...(has('spotCost') ? [{ key: 'spotCost', label: 'Spot, USD', f: 'bill' as const, cell: (r: SpotRow) => <AtLeast v={r.spotCost} is={r.spotCostIsLowerBound} />, value: (r: SpotRow) => r.spotCost ?? null }] : []),
            ...(has('otherCost') ? [{ key: 'otherCost', label: 'Other, USD', f: 'bill' as const, cell: (r: SpotRow) => <AtLeast v={r.otherCost} is={r.otherCostIsLowerBound} />, value: (r: SpotRow) => r.otherCost ?? null }] : []),
          ];
          return (
            <>
              <Table
                id="spot"
                caption="Spot coverage by class of work"
                rows={s.rows}
                rowKey={(r) => r.class}
                csvHref={asCsv(path)}
                columns={columns}
                empty={<Empty>No closed hour of this window has a pod that held a GPU. Hours are closed when they are over and their samples have come in.</Empty>}
              />
              <p class="muted">
                Targets: {Object.entries(s.targets).filter(([, v]) => v != null).map(([k, v]) => `${percent(v, 0)} of ${k}`).join(', ') || 'none set'}. The mark on a bar is its target.
              </p>
            </>
          );
        }}
      </Show>
    </Panel>
  );
}
