import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { SOCKETS } from '../../host/qemu/machine.ts';
import { accelerator } from '../../host/qemu/accelerator.ts';
import { vmErrors } from '../errors.ts';
import type { VmRecord } from '../payload/index.ts';
import { control } from './control.ts';
import { machineRuntime } from './runtime.ts';

/** Kinds of information by SmartOS's names, and the question to QEMU that each is (reference §3.5). */
const QUERIES: Readonly<Record<string, string>> = {
  block: 'query-block',
  blockstats: 'query-blockstats',
  chardev: 'query-chardev',
  cpus: 'query-cpus-fast',
  kvm: 'query-kvm',
  pci: 'query-pci',
  status: 'query-status',
  version: 'query-version',
};

/** What a running machine tells of itself. @throws UnknownInfoType, QmpFailed */
export async function machineInfo(node: Node, record: VmRecord, types: readonly string[]): Promise<Record<string, unknown>> {
  const wanted = types.length === 0 || types.includes('all') ? [...Object.keys(QUERIES), 'vnc', 'accel'] : types;
  const unknown = wanted.find((type) => !Object.hasOwn(QUERIES, type) && type !== 'vnc' && type !== 'accel');
  if (unknown !== undefined) throw vmErrors.UnknownInfoType({ type: unknown });
  const questions = wanted.filter((type) => Object.hasOwn(QUERIES, type));
  const answers = await control(node, record.uuid, async (qmp) => {
    const told: Array<readonly [string, unknown]> = [];
    for (const type of questions) told.push([type, await qmp.execute(QUERIES[type] ?? type)]);
    return told;
  });
  return {
    ...Object.fromEntries(answers),
    ...(wanted.includes('vnc') ? { vnc: vncOf(node, record) } : {}),
    ...(wanted.includes('accel') ? { accel: accelerator() } : {}),
  };
}

/** VNC is on a unix socket of the node: nothing of it listens on a network. */
function vncOf(node: Node, record: VmRecord): Record<string, unknown> {
  const socket = join(machineRuntime(node, record.uuid).directory, 'sockets', SOCKETS.vnc);
  return { socket, ...(record.vnc_password === undefined ? {} : { password: record.vnc_password }) };
}
