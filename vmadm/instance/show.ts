import type { Node } from '../../host/config/node-config.ts';
import type { VmObject } from '../engine.ts';
import { recordOf } from '../lifecycle/context.ts';
import { toVmObject } from '../payload/vm-object.ts';
import { listRecords } from '../store/records.ts';
import { liveFacts } from './live.ts';
import { viewHost } from './state.ts';

/** One instance with all that is known of it. @throws NoSuchVm */
export async function getVm(node: Node, uuid: string): Promise<VmObject> {
  const record = await recordOf(node, uuid);
  return toVmObject(record, await liveFacts(node, record, await viewHost(node)));
}

/** All instances with all that is known of them, oldest first. */
export async function showVms(node: Node): Promise<VmObject[]> {
  const [records, host] = await Promise.all([listRecords(node), viewHost(node)]);
  return Promise.all(records.map(async (record) => toVmObject(record, await liveFacts(node, record, host))));
}
