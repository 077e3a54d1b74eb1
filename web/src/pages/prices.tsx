import { api, asCsv, useQuery } from '../api';
import type { Prices } from '../types';
import { Empty, Money, Panel, Show, Tag } from '../ui/bits';
import { Table } from '../ui/table';
import { Unknowns } from './overview';

export function PricesPage() {
  const path = api('prices');
  const q = useQuery<Prices>(path);
  return (
    <Show q={q} lines={12}>
      {(p) => (
        <>
          <Panel title="Prices that the numbers rest on">
            {p.prices.length === 0 ? (
              <Empty>No node with GPUs was there in this window.</Empty>
            ) : (
              <Table
                id="prices"
                caption="Prices of node types"
                rows={p.prices}
                rowKey={(r) => `${r.instanceType} ${r.region} ${r.capacity}`}
                pageSize={50}
                csvHref={asCsv(path)}
                columns={[
                  { key: 'type', label: 'Instance type', text: true, cell: (r) => r.instanceType, value: (r) => r.instanceType },
                  { key: 'region', label: 'Region', text: true, cell: (r) => r.region, value: (r) => r.region },
                  { key: 'capacity', label: 'Capacity', text: true, cell: (r) => <Tag tone="plain">{r.capacity}</Tag>, value: (r) => r.capacity },
                  { key: 'hourly', label: 'Node, USD an hour', f: 'hourly', cell: (r) => <Money v={r.hourly} f="hourly" />, value: (r) => r.hourly },
                  { key: 'gpu', label: 'GPU, USD an hour', f: 'gpuHourly', cell: (r) => <Money v={r.gpuHourly} f="gpuHourly" />, value: (r) => r.gpuHourly },
                  { key: 'source', label: 'Source', text: true, cell: (r) => r.source ?? <span class="is-unknown">none</span>, value: (r) => r.source },
                  { key: 'asOf', label: 'As of', text: true, cell: (r) => r.asOf ?? '', value: (r) => r.asOf },
                ]}
              />
            )}
          </Panel>
          <Unknowns rows={p.unknown} />
        </>
      )}
    </Show>
  );
}
