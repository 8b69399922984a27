/** Whether instances run, from one look at the host (reference §3.1). What `list` needs, and nothing that takes longer. */
import { processesIn } from '../../host/cgroup/groups.ts';
import type { Node } from '../../host/config/node-config.ts';
import { listJournals, readJournal } from '../../host/journal/journal-file.ts';
import { isZoneRunning, zonesWithGroups } from '../../host/lxc/groups.ts';
import { isHvm } from '../payload/brands.ts';
import type { VmRecord } from '../payload/record.ts';
import type { LiveFacts } from '../payload/vm-object.ts';

/** What is asked of the host once for any number of instances. */
export interface HostView {
  readonly groups: ReadonlySet<string>;
  /** Verbs in flight by the uuid they work on. */
  readonly operations: ReadonlyMap<string, string>;
}

/** Look at the host once. */
export async function viewHost(node: Node): Promise<HostView> {
  const [groups, operations] = await Promise.all([zonesWithGroups(node.cgroup), operationsInFlight(node)]);
  return { groups, operations };
}

/** The state of one instance. */
export async function stateOf(node: Node, record: VmRecord, host: HostView): Promise<Pick<LiveFacts, 'state' | 'zone_state'>> {
  const running = host.groups.has(record.uuid) && (await isRunning(node, record));
  const zone_state = running ? 'running' : 'installed';
  return { state: visibleState(running, host.operations.get(record.uuid)), zone_state };
}

/** A machine's processes are in its group itself, a zone's in one that LXC makes in it. */
async function isRunning({ cgroup }: Node, { uuid, brand }: VmRecord): Promise<boolean> {
  return isHvm(brand) ? (await processesIn(`${cgroup}/${uuid}`)).length > 0 : isZoneRunning({ cgroup, uuid });
}

function visibleState(running: boolean, verb: string | undefined): string {
  if (verb === 'create') return 'provisioning';
  if (running) return verb === 'stop' ? 'stopping' : 'running';
  return 'stopped';
}

async function operationsInFlight(node: Node): Promise<Map<string, string>> {
  const journals = await listJournals(node.paths.journal);
  const read = await Promise.all(journals.map((operation) => readJournal(node.paths.journal, operation)));
  return new Map(read.flatMap((journal) => (journal && !journal.committed ? [[journal.plan.target, journal.plan.verb] as const] : [])));
}
