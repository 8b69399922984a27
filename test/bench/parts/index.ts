import type { Session } from '../measure/session.ts';

/** One thing that `npm run bench` measures. */
export interface Part {
  readonly summary: string;
  /** Minutes on a quiet machine with two processors. */
  readonly minutes: number;
  /** Only when it is named. */
  readonly onRequest?: boolean;
  measure(session: Session): Promise<void>;
}

/** Everything there is to measure, in the order in which it is. */
export const PARTS: Readonly<Record<string, Part>> = {
  create: {
    summary: 'from create to a running zone with network; the floor, LXD, podman, plain LXC',
    minutes: 1,
    measure: async (session) => (await import('./create.ts')).measureZones(session, ['create']),
  },
  delete: {
    summary: 'from a running zone to nothing; the same contenders',
    minutes: 1,
    measure: async (session) => (await import('./create.ts')).measureZones(session, ['delete']),
  },
  burst: {
    summary: '50 zones at once; LXD by lxd-benchmark',
    minutes: 3,
    measure: async (session) => (await import('./burst.ts')).measureBurst(session),
  },
  list: {
    summary: 'list of 10, 100 and 1,000 recorded instances; a bare node, LXD with 20',
    minutes: 1,
    measure: async (session) => (await import('./list.ts')).measureList(session),
  },
  import: {
    summary: 'import of images of several sizes; curl | zstd -d | zfs receive',
    minutes: 1,
    measure: async (session) => (await import('./import.ts')).measureImport(session),
  },
  agent: {
    summary: 'the agent at rest with 0, 50 and 200 running zones; LXD with 20',
    minutes: 2,
    measure: async (session) => (await import('./agent.ts')).measureAgent(session),
  },
  machine: {
    summary: 'from create to the kernel of a QEMU machine; plain QEMU',
    minutes: 1,
    measure: async (session) => (await import('./machine.ts')).measureMachine(session),
  },
  head: {
    summary: 'a head node with 500 simulated nodes; allocations; pages of 100,000 VMs; --scale 1,3,10',
    minutes: 3,
    measure: async (session) => (await import('./head.ts')).measureHead(session),
  },
  platform: {
    summary: 'size, memory and boot time of a platform image; the same image without us',
    minutes: 8,
    onRequest: true,
    measure: async (session) => (await import('./platform.ts')).measurePlatform(session),
  },
};
