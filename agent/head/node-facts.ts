import type { Node } from '../../host/config/node-config.ts';
import type { InstanceIndex } from '../index/instance-index.ts';
import type { EventRing } from '../events/ring.ts';
import { watchSysinfo } from '../sysinfo/cache.ts';
import { AGENT, sysinfoOf } from '../sysinfo/sysinfo.ts';
import type { NodeFacts } from './facts.ts';
import { nodeStatus } from './node-status.ts';

/** What this node tells its head node, from the agent's index of instances. */
export function nodeFacts(node: Node, uuid: string, { index, events }: { readonly index: InstanceIndex; readonly events: EventRing }): NodeFacts {
  return {
    uuid,
    sysinfo: () => sysinfoOf(node),
    agents: async () => [{ ...AGENT, uuid }],
    async status() {
      await index.settled();
      return nodeStatus(node, index.list());
    },
    async vms() {
      await index.settled();
      return index.list();
    },
    async vm(wanted) {
      await index.settled();
      return index.get(wanted);
    },
    onChange(listener) {
      const stopEvents = events.listen((event) => listener({ what: 'vm', uuid: event.uuid }));
      const stopSysinfo = watchSysinfo(node, () => listener({ what: 'sysinfo' }));
      return () => {
        stopEvents();
        stopSysinfo();
      };
    },
  };
}
