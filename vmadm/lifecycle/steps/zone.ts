import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../../host/config/node-config.ts';
import { readFileIfPresent } from '../../../host/files/atomic.ts';
import type { StepKind } from '../../../host/journal/plan.ts';
import { isZoneRunning } from '../../../host/lxc/groups.ts';
import { rebootZone, removeZoneRuntime, startZone, stopZone } from '../../../host/lxc/zone.ts';
import { removeAntiSpoofing } from '../../../host/net/anti-spoofing.ts';
import { hostInterfaceName, hostInterfacesIn } from '../../../host/net/names.ts';
import { zoneRuntime } from '../../instance/live.ts';
import { FILTERS, writeZoneConfig } from '../../brands/write-zone-config.ts';
import { vmErrors } from '../../errors.ts';
import { zoneDirectory } from '../../metadata/service-paths.ts';
import { readRecord } from '../../store/records.ts';
import { datasetExists, mountDataset } from '../../../host/zfs/zfs.ts';
import { recordOf, rootDataset, type VmContext } from '../context.ts';

type ZoneArgs = { readonly uuid: string };

/** Boot the zone. When it does not come up nothing of it stays behind. */
export const start: StepKind<VmContext, ZoneArgs> = {
  describe: () => 'boot the zone',
  isDone: ({ uuid }, { on }) => isZoneRunning(zoneRuntime(on.node, uuid)),
  async perform({ uuid }, { on }) {
    const zone = zoneRuntime(on.node, uuid);
    await requireRoot(on.node, uuid);
    await writeZoneConfig(on.node, await recordOf(on.node, uuid));
    try {
      // A guest asks for its metadata as soon as it runs.
      const { serveMetadata } = await import('../../metadata/ensure-service.ts');
      await serveMetadata(on.node, uuid);
      await startZone(zone);
    } catch (error) {
      await takeDown(on.node, uuid, 0);
      throw error;
    }
  },
  undo: ({ uuid }, { on }) => takeDown(on.node, uuid, 0),
};

type ShutdownArgs = { readonly uuid: string; readonly seconds: number };

/** Shut the zone down and take away what the kernel holds of it. */
export const shutDown: StepKind<VmContext, ShutdownArgs> = {
  describe: ({ seconds }) => (seconds > 0 ? `shut the zone down, by force after ${seconds} s` : 'halt the zone'),
  async isDone({ uuid }, { on }) {
    const zone = zoneRuntime(on.node, uuid);
    return !(await isZoneRunning(zone)) && !existsSync(join(zone.lxcDirectory, uuid)) && !existsSync(zoneDirectory(on.node, uuid));
  },
  perform: ({ uuid, seconds }, { on }) => takeDown(on.node, uuid, seconds),
  undo: async () => undefined,
};

type RebootArgs = { readonly uuid: string; readonly seconds: number };

/** Ask the guest to reboot and wait until it has a new init. */
export const reboot: StepKind<VmContext, RebootArgs> = {
  describe: ({ seconds }) => `reboot the zone, within ${seconds} s`,
  isDone: async () => false,
  async perform({ uuid, seconds }, { on }) {
    if (!(await rebootZone(zoneRuntime(on.node, uuid), seconds))) throw vmErrors.RebootTimeout();
  },
  undo: async () => undefined,
};

/** A delete that failed half-way, or an operator, may have unmounted the root. @throws RootMissing */
async function requireRoot(node: Node, uuid: string): Promise<void> {
  const root = join(node.mountpoint, uuid, 'root');
  if (existsSync(root)) return;
  const name = rootDataset(node, uuid);
  if (await datasetExists(name)) await mountDataset(name);
  if (!existsSync(root)) throw vmErrors.RootMissing({ dataset: name });
}

/** Stop a zone, asking its init for at most `seconds`, and remove what the kernel and the run directory hold of it. */
async function takeDown(node: Node, uuid: string, seconds: number): Promise<void> {
  const zone = zoneRuntime(node, uuid);
  const interfaces = await filteredInterfaces(node, uuid);
  await stopZone(zone, seconds, () => removeAntiSpoofing(interfaces));
  await rm(zoneDirectory(node, uuid), { recursive: true, force: true, maxRetries: 3 });
  await removeZoneRuntime(zone);
}

/** The interfaces that have filters: those of the record, and those that it had when the zone started. */
async function filteredInterfaces(node: Node, uuid: string): Promise<string[]> {
  const recorded = ((await readRecord(node, uuid))?.nics ?? []).map((_, index) => hostInterfaceName(uuid, index));
  const started = hostInterfacesIn((await readFileIfPresent(join(node.paths.lxc, uuid, FILTERS))) ?? '', uuid);
  return [...new Set([...recorded, ...started])];
}
