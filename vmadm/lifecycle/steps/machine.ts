import { chmod, chown, mkdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../../host/config/node-config.ts';
import type { StepKind } from '../../../host/journal/plan.ts';
import { antiSpoofingScript, removeAntiSpoofing } from '../../../host/net/anti-spoofing.ts';
import { hostInterfaceName, hostInterfacesOf } from '../../../host/net/names.ts';
import { openTap, removeTap } from '../../../host/net/tap.ts';
import { isMachineRunning, killMachine, removeMachineRuntime, startMachine } from '../../../host/qemu/process.ts';
import { run } from '../../../host/run/run.ts';
import { volumePlace } from '../../../host/zfs/volume.ts';
import { createDataset } from '../../../host/zfs/zfs.ts';
import { filteredNics } from '../../brands/filtered-nics.ts';
import { bridgesFor } from '../../brands/write-zone-config.ts';
import { askToShutDown } from '../../machines/ask-to-shut-down.ts';
import { control } from '../../machines/control.ts';
import { prepareFirmware } from '../../machines/firmware.ts';
import { machineRuntime } from '../../machines/runtime.ts';
import { startSpec } from '../../machines/start-spec.ts';
import { ownedDisks, type ExtraDisk } from '../../machines/disks.ts';
import type { VmRecord } from '../../payload/index.ts';
import { readRecord } from '../../store/records.ts';
import { rangeOf, recordOf, rootDataset, type VmContext } from '../context.ts';
import { destroyMadeBy, INSTANCE, OPERATION } from './root.ts';

type RootArgs = { readonly uuid: string; readonly key: string; readonly properties: Readonly<Record<string, string>> };

/** Make the dataset that holds what a machine has besides its disks. */
export const createRoot: StepKind<VmContext, RootArgs> = {
  describe: ({ uuid }) => `create dataset ${uuid}`,
  isDone: async () => false,
  async perform({ uuid, key, properties }, { on, operation }) {
    await createDataset(rootDataset(on.node, uuid), { ...properties, [OPERATION]: operation, [INSTANCE]: uuid });
    const path = join(on.node.mountpoint, uuid);
    const { first } = await rangeOf(on.node, key);
    await chown(path, 0, first);
    await chmod(path, 0o710);
    await mkdir(join(path, 'config'), { mode: 0o700 });
    await prepareFirmware(on.node, await recordOf(on.node, uuid), first);
  },
  undo: ({ uuid }, { on, operation }) => destroyMadeBy(operation, rootDataset(on.node, uuid)),
};

type StartArgs = { readonly uuid: string; readonly order?: string; readonly extra?: readonly ExtraDiskArgs[] };
type ExtraDiskArgs = { readonly path: string; readonly model: string; readonly media: 'disk' | 'cdrom' };

/** Boot the machine. When it does not come up nothing of it stays behind. */
export const start: StepKind<VmContext, StartArgs> = {
  describe: () => 'boot the machine',
  isDone: ({ uuid }, { on }) => isMachineRunning(machineRuntime(on.node, uuid)),
  async perform({ uuid, order, extra }, { on }) {
    const record = await recordOf(on.node, uuid);
    const spec = await startSpec(on.node, record, { extra: (extra ?? []) as readonly ExtraDisk[], ...(order === undefined ? {} : { order }) });
    await ownVolumes(on.node, record, spec.id);
    const taps = await openTaps(on.node, record);
    try {
      await startMachine(machineRuntime(on.node, uuid), { ...spec, taps: taps.map((tap) => tap.fd) });
      const { serveMetadata } = await import('../../metadata/ensure-service.ts');
      await serveMetadata(on.node, uuid);
    } catch (error) {
      await takeDown(on.node, uuid, 0);
      throw error;
    } finally {
      await Promise.all(taps.map((tap) => tap.close()));
    }
  },
  undo: ({ uuid }, { on }) => takeDown(on.node, uuid, 0),
};

type ShutdownArgs = { readonly uuid: string; readonly seconds: number };

/** Press the machine's power button, wait, end it by force, and take away what the host holds of it. */
export const shutDown: StepKind<VmContext, ShutdownArgs> = {
  describe: ({ seconds }) => (seconds > 0 ? `shut the machine down, by force after ${seconds} s` : 'halt the machine'),
  async isDone({ uuid }, { on }) {
    const runtime = machineRuntime(on.node, uuid);
    return !(await isMachineRunning(runtime)) && !existsSync(runtime.directory);
  },
  perform: ({ uuid, seconds }, { on }) => takeDown(on.node, uuid, seconds),
  undo: async () => undefined,
};

type ResetArgs = { readonly uuid: string };

/** Press the machine's reset button. */
export const reset: StepKind<VmContext, ResetArgs> = {
  describe: () => 'reset the machine',
  isDone: async () => false,
  perform: async ({ uuid }, { on }) => void (await control(on.node, uuid, (qmp) => qmp.execute('system_reset'))),
  undo: async () => undefined,
};

/** A volume's device is a new one, and root's, after each start of the host; a disk in a file stays the machine's own. */
async function ownVolumes(node: Node, record: VmRecord, id: number): Promise<void> {
  const places = ownedDisks(record).map((disk) => volumePlace(node, disk.dataset));
  for (const { path, kind } of places) if (kind === 'device') await chown(path, id, id);
}

async function openTaps(node: Node, record: VmRecord): Promise<FileHandle[]> {
  if (record.nics.length === 0) return [];
  const bridges = await bridgesFor(node, record);
  const taps: FileHandle[] = [];
  try {
    for (const [index, nic] of record.nics.entries()) {
      const bridge = bridges.get(nic.nic_tag) ?? nic.nic_tag;
      taps.push(await openTap({ interface: hostInterfaceName(record.uuid, index), bridge, mac: nic.mac, mtu: nic.mtu, vlan: nic.vlan_id, directory: node.runDirectory }));
    }
    await run(['nft', '-f', '-'], { input: antiSpoofingScript(filteredNics(record)) });
    return taps;
  } catch (error) {
    await Promise.all(taps.map((tap) => tap.close()));
    for (const [index] of record.nics.entries()) await removeTap(hostInterfaceName(record.uuid, index));
    throw error;
  }
}

async function takeDown(node: Node, uuid: string, seconds: number): Promise<void> {
  const runtime = machineRuntime(node, uuid);
  if (seconds > 0 && (await isMachineRunning(runtime))) await askToShutDown(node, uuid, seconds);
  await killMachine(runtime);
  const recorded = ((await readRecord(node, uuid))?.nics ?? []).map((_, index) => hostInterfaceName(uuid, index));
  const names = [...new Set([...recorded, ...(await hostInterfacesOf(uuid))])];
  await removeAntiSpoofing(names);
  for (const name of names) await removeTap(name);
  await removeMachineRuntime(runtime);
}
