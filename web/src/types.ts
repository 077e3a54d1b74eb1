/* The documents of the HTTP API, as `gpuwise report|plan|explain -o json` write them too. Money is in dollars with six
 * decimals, so exact micro-dollars come back by rounding (format.ts). null is unknown, never zero. */

export type Maybe = number | null;

export interface Cost {
  bill: Maybe;
  used: Maybe;
  wasted: Maybe;
  reclaimable: Maybe;
  idle: Maybe;
  unknown: Maybe;
  overhead: Maybe;
}

export interface GpuHours {
  paid: Maybe;
  allocated: Maybe;
  used: Maybe;
  idle: Maybe;
  unknown: Maybe;
}

export interface Levels {
  mean: Maybe;
  p95: Maybe;
  peak: Maybe;
}

export interface States {
  highHigh: Maybe;
  lowHigh: Maybe;
  highLow: Maybe;
  lowLow: Maybe;
  unknown: Maybe;
}

export interface Row {
  key: Record<string, string>;
  owner: Record<string, string>;
  class: string | null;
  signal: string | null;
  cost: Cost;
  gpuHours: GpuHours;
  compute: Levels;
  memory: Levels;
  states: States;
}

export interface Total {
  cost: Cost;
  gpuHours: GpuHours;
  compute: Levels;
  memory: Levels;
}

export interface Finding {
  rule: string;
  severity: string;
  subject: Record<string, string>;
  monthlyCost: Maybe;
  confidence: Maybe;
  evidence: Record<string, unknown>;
  text: string;
}

export interface Price {
  instanceType: string;
  region: string;
  capacity: string;
  hourly: Maybe;
  gpuHourly: Maybe;
  source: string | null;
  asOf: string | null;
}

export interface Unknown {
  what: string;
  gpuHours: Maybe;
  why: string;
}

export interface Window {
  start: string;
  end: string;
  hours: number;
}

export interface Report {
  window: Window;
  currency: string;
  total: Total;
  by: string[];
  rows: Row[];
  findings: Finding[];
  prices: Price[];
  unknowns: Unknown[];
}

export interface Range {
  window: Maybe;
  monthlyLow: Maybe;
  monthlyHigh: Maybe;
}

export interface NodeRef {
  name: string;
  cluster?: string;
}

export interface Move {
  pod: { namespace: string; name: string; cluster?: string };
  from: NodeRef | null;
  node: NodeRef | null;
  restarts: boolean;
}

export interface Action {
  id: string;
  kind: string;
  subject: string;
  chosen: boolean;
  step: number | null;
  whyNot: string | null;
  is: string;
  should: string;
  text: string;
  rule: string;
  share: Range;
  alone: Range;
  confidence: Maybe;
  risk: { level: string; why: string };
  blast: {
    podsRestarted: number;
    workloads: number;
    nodes: number;
    productionPods: number;
    restartCost: Maybe;
  };
  prerequisites: string[];
  after: string[];
  conflicts: string[];
  evidence: Record<string, unknown>;
  change: { hires?: unknown[]; cuts?: unknown[]; resizes?: unknown[]; moves?: Move[]; releases?: NodeRef[] };
}

export interface Held {
  why: string;
  pods: number;
  nodes: number;
  gpus: number;
  monthlyCost: Maybe;
}

export interface Plan {
  window: Window;
  source: string;
  partial: boolean;
  before: { monthlyBill: Maybe; cost: Cost; gpuHours: GpuHours };
  after: { monthlyBill: Maybe; cost: Cost; gpuHours: GpuHours };
  saving: Range;
  bound: { bill: Maybe; monthlyBill: Maybe; gap: Maybe; how: string } | null;
  actions: Action[];
  held: Held[];
  notes: string[];
  unknowns: Unknown[];
}

export interface Manifests {
  action: string;
  files: { path: string; content: string }[];
}

export interface Fact {
  name: string;
  value: string | null;
  how: string | null;
}

export interface Explanation {
  subject: { kind: string; name: string };
  window: { start: string; end: string };
  sections: { title: string; facts: Fact[] }[];
}

export interface Status {
  version: string;
  cluster: string;
  state: 'ready' | 'starting' | 'stale' | 'failing';
  reasons: string[];
  recording?: boolean;
  hoursWaiting?: number;
  now: string;
  window: { start: string; end: string } | null;
  lastTurn: { at: string | null; ok: boolean; message: string | null; cpuMs: Maybe } | null;
  data: { newest: string | null; ageSeconds: Maybe; stale: boolean } | null;
  lastClosedHour: string | null;
  hoursClosed: Maybe;
  store: { kind: string; ok: boolean; message: string | null } | null;
  source: string | null;
  kubernetes: string | null;
  auth: { role: 'admin' | 'read' | 'none' } | null;
  generation: number;
}

export interface HistoryRow {
  key: string[];
  cost: Cost;
  gpuHours: GpuHours;
}

export interface HistoryStep {
  start: string;
  end: string;
  complete: boolean;
  rows: HistoryRow[];
  /** null where no hour of the step is in the store */
  total: { cost: Cost; gpuHours: GpuHours } | null;
}

export interface Correction {
  at: string;
  hour: string;
  cluster: string;
  namespace?: string | null;
  workload?: string | null;
  reason: string;
  before: Cost;
  after: Cost;
}

export interface History {
  window: { start: string; end: string };
  step: string;
  by: string[];
  steps: HistoryStep[];
  corrections: Correction[];
}

export interface Budget {
  name: string;
  by: Record<string, string>;
  period: string;
  periodStart: string;
  periodEnd: string;
  amount: Maybe;
  spent: Maybe;
  share: Maybe;
  forecast: { low: Maybe; mean: Maybe; high: Maybe } | null;
  thresholds: { at: number; kind: string; reached: boolean | null; reachedAt: string | null }[];
  series: { day: string; spent: Maybe }[];
  state: string;
  why: string | null;
  forecastWhy?: string | null;
}

export interface Anomaly {
  id: string;
  at: string;
  end: string | null;
  metric: string;
  scope: Record<string, string>;
  observed: Maybe;
  expected: Maybe;
  low: Maybe;
  high: Maybe;
  score: Maybe;
  impact: Maybe;
  explanation: { key: string | string[] | Record<string, string>; before: Maybe; after: Maybe; delta: Maybe }[];
  state: string;
}

export interface Followed {
  id: string;
  kind: string;
  summary: string;
  acceptedAt: string;
  acceptedBy: string | null;
  stoppedAt?: string | null;
  predictedMonthly: { low: Maybe; high: Maybe };
  checks: {
    days: number;
    dueAt: string;
    state: string;
    predicted: Maybe;
    realised: Maybe;
    uncorrected?: Maybe;
    demandFactor: Maybe;
    note: string | null;
  }[];
}

export interface SpotRow {
  class: string;
  spotHours: Maybe;
  onDemandHours: Maybe;
  reservedHours?: Maybe;
  unknownHours: Maybe;
  coverage: Maybe;
  lackingHours?: Maybe;
  spotCost?: Maybe;
  spotCostIsLowerBound?: boolean;
  otherCost?: Maybe;
  otherCostIsLowerBound?: boolean;
}

export interface Spot {
  targets: Record<string, Maybe>;
  rows: SpotRow[];
}

export interface Prices {
  window: Window;
  prices: Price[];
  unknown: Unknown[];
}

export interface Holder {
  namespace: string;
  pod: string;
  workload: string | null;
  team: string | null;
}

export interface FleetUnit {
  id: string;
  profile: string | null;
  weight: number;
  sharing: string | null;
  holders: Holder[];
  compute: Maybe[];
  memory: Maybe[];
  cost: Maybe[];
  state: (string | null)[];
  holder: (number | null)[];
  shared?: boolean[];
}

export interface FleetGpu {
  /** null: GPUs of the node that no exporter reports */
  uuid: string | null;
  index: number | null;
  model: string | null;
  memoryMib: Maybe;
  units: FleetUnit[];
}

export interface FleetNode {
  name: string | null;
  cluster: string | null;
  instanceType: string | null;
  region: string | null;
  capacity: string | null;
  hourly: Maybe;
  gpus: FleetGpu[];
}

export interface FleetMap {
  hours: string[];
  nodes: FleetNode[];
}
