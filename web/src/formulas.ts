/* What each number of the page means and how it comes about. Shown on hover and on focus (ui/tip.ts). */

export interface Formula {
  name: string;
  what: string;
  how?: string;
}

export const formulas = {
  bill: {
    name: 'Bill',
    what: 'What the nodes with GPUs cost in the window. Nodes without a price are in no amount.',
    how: 'Σ over nodes: hourly price × hours the node was there = used + wasted + idle + unknown + overhead',
  },
  used: {
    name: 'Used',
    what: 'The part of the bill in which compute was at work.',
    how: '∫ compute over the time that samples cover × price of the time; compute is SM activity, else engine activity, else GPU utilisation',
  },
  wasted: {
    name: 'Wasted',
    what: 'Held by a pod while compute was idle.',
    how: 'covered time − used, × price of the time',
  },
  reclaimable: {
    name: 'Reclaimable',
    what: 'The part of wasted that another pod could have had, memory and busy hours allowing. Contained in wasted.',
    how: 'min(wasted, covered × (1 − max(P95 of compute, peak of memory)))',
  },
  idle: { name: 'Idle', what: 'Paid for and held by no pod.', how: 'time of GPUs that no pod held × price of the time' },
  unknown: {
    name: 'Unknown',
    what: 'Paid for, and no valid sample says what happened. Never counted as zero use or as full use.',
    how: 'held or free time − time that samples cover, × price of the time',
  },
  overhead: {
    name: 'Overhead',
    what: 'Control plane, and the part of node prices that is not GPU where prices are split.',
    how: 'hourly fee × hours',
  },
  monthlyBill: {
    name: 'A month at this rate',
    what: 'What goes on if nothing changes.',
    how: 'amount of the window × 730.5 h ÷ hours of the window',
  },
  share: { name: 'Share of the bill', what: 'This amount in percent of the bill.', how: 'amount ÷ bill' },
  paid: { name: 'Paid GPU-hours', what: 'Hours that GPUs were there, priced or not.', how: 'Σ GPUs × hours; a MIG instance counts by its part of the board' },
  allocated: { name: 'Allocated GPU-hours', what: 'Hours held by pods.', how: 'Σ over pods: share of the GPU × hours held' },
  usedHours: { name: 'Used GPU-hours', what: 'Hours of full compute that the use comes to.', how: '∫ compute over covered time' },
  idleHours: { name: 'Idle GPU-hours', what: 'Hours held by no pod.', how: 'paid − allocated − unknown of free GPUs' },
  unknownHours: { name: 'Unknown GPU-hours', what: 'Hours that no valid sample covers.', how: 'paid − covered' },
  compute: {
    name: 'Compute, mean',
    what: 'How busy compute was, over the time that samples cover.',
    how: '∫ compute ÷ covered time; SM activity, else engine activity, else GPU utilisation',
  },
  computeP95: { name: 'Compute, P95', what: '95 of 100 five-minute windows were no busier.', how: '95th percentile of the means of 5-minute windows' },
  computePeak: { name: 'Compute, peak', what: 'The largest single sample.' },
  memory: { name: 'Memory, mean', what: 'How much of GPU memory was taken.', how: '∫ used framebuffer ÷ (capacity × covered time)' },
  memoryPeak: { name: 'Memory, peak', what: 'The most GPU memory that was ever taken, as a share of what is there.' },
  efficiency: { name: 'Used of the bill', what: 'How much of the money met compute at work.', how: 'used ÷ bill' },
  highHigh: { name: 'Compute high, memory high', what: 'Well used. Check latency before consolidating.', how: 'share of held time; both judged on the same 5-minute windows, high from 50 %' },
  lowHigh: { name: 'Compute low, memory high', what: 'Memory reserved, compute light: share the GPU, cut the KV cache, right-size.', how: 'share of held time; both judged on the same 5-minute windows, high from 50 %' },
  highLow: { name: 'Compute high, memory low', what: 'Compute-bound: a board with less memory would do.', how: 'share of held time; both judged on the same 5-minute windows, high from 50 %' },
  lowLow: { name: 'Compute low, memory low', what: 'Share, consolidate, or drop replicas.', how: 'share of held time; both judged on the same 5-minute windows, high from 50 %' },
  stateUnknown: { name: 'State unknown', what: 'Windows in which compute or memory has no valid sample.', how: '1 − the other four' },
  findingCost: {
    name: 'Cost of a finding',
    what: 'What the subject of the finding costs a month as it is. Findings overlap: do not add them up.',
    how: 'cost in the window × 730.5 h ÷ hours of the window',
  },
  confidence: { name: 'Confidence', what: 'How much the samples vouch for it.', how: 'coverage × duration × margin, each from 0 to 1' },
  saving: {
    name: 'Saving a month',
    what: 'What this action adds to those before it. The savings of all steps add up to the total.',
    how: 'high: bill before − bill after, each booked in full, × 730.5 h ÷ hours; low: the part that length and coverage of the window vouch for',
  },
  alone: { name: 'Alone', what: 'What it would save if nothing else were done.', how: 'bill − bill with this action alone, a month' },
  bound: { name: 'Bound', what: 'No plan of these kinds costs less than this.', how: 'a proven lower bound, worked out apart from the plan' },
  gap: { name: 'Gap', what: 'How far the plan lies above the bound.', how: 'bill after ÷ bound − 1' },
  restarts: { name: 'Restarts', what: 'Pods that start anew when the action is taken.' },
  restartCost: { name: 'Cost of restarts', what: 'GPU time that the restarts take, once.' },
  predicted: { name: 'Predicted', what: 'What the plan said that the action saves a month.' },
  realised: {
    name: 'Realised, a month',
    what: 'What the bill of the nodes and workloads of the action fell by, corrected for changed demand. Negative: it rose.',
    how: '(held before × demand factor + idle before − actual), dollars an hour, × 730.5 h',
  },
  demandFactor: { name: 'Demand factor', what: 'How much more work was done than in the seven days before.', how: 'used GPU time an hour after ÷ before, kept within 0.5 and 2' },
  spent: { name: 'Spent', what: 'The bill of closed hours of this period and scope; “at least” where hours are missing in the store or have no price.', how: 'Σ bill of closed hours since the period began' },
  amount: { name: 'Budget', what: 'The amount that the configuration gives this scope for a period.' },
  budgetShare: { name: 'Share of the budget', what: 'How much of the budget is spent.', how: 'spent ÷ budget' },
  forecast: { name: 'Forecast', what: 'What will have been spent when the period ends, and the interval that holds four of five outcomes.', how: 'spent + level of the last days × day of week × days left' },
  impact: { name: 'Impact', what: 'Of cost: money beyond what was expected, while it lasted. Of use: money that was wasted meanwhile.', how: 'Σ over hours: observed − expected; of use: Σ wasted' },
  observed: { name: 'Observed', what: 'What was measured in that hour.' },
  expected: { name: 'Expected', what: 'What the history lets expect of that hour, and the range that held 98 % of its errors.' },
  score: { name: 'Score', what: 'How rare such a value is, from 0 to 1.', how: '1 − probability of a value as unlike all earlier ones' },
  coverage: { name: 'Spot coverage', what: 'The share of GPU-hours that ran on spot capacity. Hours on nodes whose capacity no label tells are in neither part.', how: 'spot ÷ (spot + on-demand + reserved)' },
  capacityHours: { name: 'GPU-hours by capacity', what: 'GPU-hours that pods of this class held on nodes of that capacity.' },
  lacking: { name: 'Lacking', what: 'GPU-hours that would have to run on spot for the target to be met.', how: 'target × known hours − spot hours, where positive' },
  hourly: { name: 'Price an hour', what: 'List price of the node, discounts applied.' },
  gpuHourly: { name: 'Price of a GPU-hour', what: 'What an hour of one GPU of the node costs.', how: 'price of the node an hour ÷ GPUs of the node' },
  gpuCost: { name: 'Cost of the hour', what: 'What this part of the GPU cost in the hour.', how: 'price of the GPU-hour × part of the board × time there' },
  held: { name: 'Cost held in place', what: 'What the things that this reason holds cost a month. Reasons overlap: do not add them up.' },
  correction: { name: 'Correction', what: 'A closed hour whose numbers changed afterwards.', how: 'bill after − bill before' },
} as const satisfies Record<string, Formula>;

export type FormulaKey = keyof typeof formulas;
