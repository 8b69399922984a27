/** From a machine's record to what its start needs of the host. */
import { controlValues } from '../../host/cgroup/limits.ts';
import type { Node } from '../../host/config/node-config.ts';
import { accelerator } from '../../host/qemu/accelerator.ts';
import type { MachineNic } from '../../host/qemu/machine.ts';
import type { MachineStart } from '../../host/qemu/process.ts';
import { limitsOf } from '../brands/limits.ts';
import { vmErrors } from '../errors.ts';
import { rangeKey, rangeOf } from '../lifecycle/context.ts';
import type { VmRecord } from '../payload/index.ts';
import { machineDisks, type ExtraDisk } from './disks.ts';
import { firmwareOf } from './firmware.ts';

/** What a start may ask for, for this boot only (reference §1.2, `start`). */
export interface BootOptions {
  readonly order?: string;
  readonly extra: readonly ExtraDisk[];
}

/** Graphics cards by SmartOS's names. */
const VGA: Readonly<Record<string, string>> = { xenfb: 'std' };

/** Everything but the taps, which are opened last. @throws DiskGone, FirmwareMissing */
export async function startSpec(node: Node, record: VmRecord, boot: BootOptions): Promise<Omit<MachineStart, 'taps'>> {
  const { disks, files } = await machineDisks(node, record, boot.extra);
  const firmware = firmwareOf(node, record);
  const order = boot.order ?? record.boot;
  return {
    id: (await rangeOf(node, rangeKey(node, record))).first,
    machine: {
      uuid: record.uuid,
      memory: record.ram ?? 256,
      cpus: record.vcpus ?? 1,
      cpuType: record.cpu_type ?? 'host',
      accelerator: accelerator(),
      disks,
      nics: record.nics.map((nic) => ({ model: (nic.model ?? 'virtio') as MachineNic['model'], mac: nic.mac, ...(nic.mtu === undefined ? {} : { mtu: nic.mtu }) })),
      vga: VGA[record.vga ?? 'std'] ?? record.vga ?? 'std',
      firmware: firmware.machine,
      ...(order === undefined ? {} : { bootOrder: order }),
    },
    files: [...files, ...firmware.files],
    limits: controlValues(limitsOf(record)),
    vncPassword: record.vnc_password,
  };
}

/**
 * SmartOS lets a payload write QEMU's command line. Here an argument could name any file or socket of the host, so what a
 * payload adds is held to a list; nothing is on it yet that a property does not say better.
 * @throws HypervisorOptionsRefused
 */
export function requireKnownOptions(record: VmRecord): void {
  for (const name of ['qemu_opts', 'qemu_extra_opts', 'bhyve_extra_opts', 'spice_opts'] as const) {
    if (record[name] !== undefined) throw vmErrors.HypervisorOptionsRefused({ name });
  }
}
