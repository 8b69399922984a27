/** Which of the servers that qualify is best: one entry for each measure (control-plane §2.7). */
import type { Standing } from './capacity.ts';
import { HVM_OVERHEAD, type Need } from './need.ts';

export interface Score {
  readonly name: string;
  /** Points for the best server; the worst has none, those between by their rank. Negative: the other way round. */
  readonly weight: number;
  /** More is better. Servers with the same measure have the same rank. */
  measure(standing: Standing, need: Need): number | string;
}

export const SCORES: readonly Score[] = [
  { name: 'score-unreserved-ram', weight: 2, measure: ({ free }) => Math.floor(free.ram) },
  { name: 'score-unreserved-disk', weight: 1, measure: ({ free }) => Math.floor(free.disk) },
  { name: 'score-num-owner-zones', weight: 4, measure: ({ ownersVms }) => -ownersVms },
  { name: 'score-current-platform', weight: 1, measure: ({ candidate }) => String(candidate.server.sysinfo['Live Image'] ?? '') },
  {
    name: 'score-virtualization',
    weight: 8,
    measure: ({ candidate }, { brand }) => (HVM_OVERHEAD[brand ?? ''] !== undefined && ['vmx', 'svm'].includes(String(candidate.server.sysinfo['CPU Virtualization'])) ? 1 : 0),
  },
];
