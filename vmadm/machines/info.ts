import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { SOCKETS } from '../../host/qemu/machine.ts';
import { accelerator } from '../../host/qemu/accelerator.ts';
import { vmErrors } from '../errors.ts';
import { serveMetadata } from '../metadata/ensure-service.ts';
import type { VmRecord } from '../payload/index.ts';
import { control } from './control.ts';
import { guestFacts } from './guest.ts';
import { machineRuntime } from './runtime.ts';
import { readScreen } from './screen.ts';

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

/** Kinds that are no question to QEMU alone. */
const OURS: readonly string[] = ['vnc', 'accel', 'guest'];

/** What a running machine tells of itself. @throws UnknownInfoType, QmpFailed, MetadataServiceFailed */
export async function machineInfo(node: Node, record: VmRecord, types: readonly string[]): Promise<Record<string, unknown>> {
  const wanted = types.length === 0 || types.includes('all') ? [...Object.keys(QUERIES), ...OURS] : types;
  const unknown = wanted.find((type) => !Object.hasOwn(QUERIES, type) && !OURS.includes(type));
  if (unknown !== undefined) throw vmErrors.UnknownInfoType({ type: unknown });
  const questions = wanted.filter((type) => Object.hasOwn(QUERIES, type));
  const answers = await control(node, record.uuid, async (qmp) => {
    const told: Array<readonly [string, unknown]> = [];
    for (const type of questions) told.push([type, await qmp.execute(QUERIES[type] ?? type)]);
    if (wanted.includes('guest')) told.push(['guest', await guestFacts(node, record.uuid, qmp)]);
    return told;
  });
  return {
    ...Object.fromEntries(answers),
    ...(wanted.includes('vnc') ? { vnc: await vncOf(node, record) } : {}),
    ...(wanted.includes('accel') ? { accel: accelerator() } : {}),
  };
}

/** Where VNC is. The service that has it on a port is brought back when it has died, so that what is told is so. */
async function vncOf(node: Node, record: VmRecord): Promise<Record<string, unknown>> {
  const socket = join(machineRuntime(node, record.uuid).directory, 'sockets', SOCKETS.vnc);
  const password = record.vnc_password ? { password: record.vnc_password } : {};
  await serveMetadata(node, record.uuid);
  const screen = await readScreen(node, record.uuid);
  return { ...(screen ? { host: screen.host, port: screen.port, display: screen.port - FIRST_PORT } : {}), socket, ...password };
}

/** VNC's own, of display 0. */
const FIRST_PORT = 5900;
