import type { Node } from '../../host/config/node-config.ts';
import type { VmObject } from '../engine.ts';
import { toVmObject } from '../payload/vm-object.ts';
import { listRecords } from '../store/records.ts';
import { stateOf, viewHost } from './state.ts';

/** All instances, oldest first. With `fields`, only those properties are shown and what is costly is looked up only for them. */
export async function listVms(node: Node, fields?: readonly string[]): Promise<VmObject[]> {
  if (fields === undefined || fields.some((field) => COSTLY.includes(field))) return (await import('./show.ts')).showVms(node);
  const [records, host] = await Promise.all([listRecords(node), viewHost(node)]);
  const fixed = { server_uuid: node.serverUuid, platform_buildstamp: '', pool_mountpoint: node.mountpoint };
  const shown = [...new Set([...ALWAYS, ...fields])];
  return Promise.all(records.map(async (record) => toVmObject(record, { ...(await stateOf(node, record, host)), ...fixed }, shown)));
}

/** Found out by looking at each instance's processes and files. */
const COSTLY = ['pid', 'boot_timestamp', 'exit_status', 'exit_timestamp', 'exit_console', 'paused', 'free_space', 'platform_buildstamp', 'init_restarts'];

const ALWAYS = ['uuid', 'brand', 'state', 'zone_state', 'hvm'];
