/** What a VM needs of a server, read from its payload (control-plane §3.2), image and nics. */
import { isUuid } from '../../host/config/units.ts';
import { headErrors } from '../errors.ts';
import type { Placement, WireObject } from '../services.ts';
import { numberIn, objectOf } from './figures.ts';

/** Resources: ram and disk in MiB, cpu in percent of a core. */
export interface Resources {
  readonly cpu: number;
  readonly ram: number;
  readonly disk: number;
}

export interface Need extends Resources {
  /** Undefined when only the explanation is wanted. */
  readonly vmUuid: string | undefined;
  readonly owner: string | undefined;
  readonly brand: string | undefined;
  readonly image: WireObject;
  /** For each of them one of its tags is enough. */
  readonly tags: ReadonlyArray<readonly string[]>;
  /** Only these servers; undefined for any. */
  readonly servers: ReadonlySet<string> | undefined;
}

/** What QEMU itself needs beside the guest's memory (§2.7), in MiB. */
export const HVM_OVERHEAD: Readonly<Record<string, number>> = { kvm: 1024, bhyve: 1280 };

/** @throws InvalidArgument when the payload does not say how much memory the VM has, or says a figure that is none */
export function needOf({ vm, image, nicTags, nicTagRequirements, servers }: Parameters<Placement['allocate']>[0]): Need {
  const uuid = vm['uuid'] ?? vm['vm_uuid'];
  if (uuid !== undefined && !isUuid(uuid)) throw headErrors.InvalidArgument({ reason: `vm.uuid must be a uuid, not ${JSON.stringify(uuid)}` });
  const ram = amount(vm, 'max_physical_memory') ?? amount(vm, 'ram');
  if (ram === undefined) throw headErrors.InvalidArgument({ reason: 'vm.max_physical_memory (or vm.ram) is required, in MiB' });
  const brand = typeof vm['brand'] === 'string' ? vm['brand'] : undefined;
  return {
    vmUuid: uuid,
    owner: typeof vm['owner_uuid'] === 'string' ? vm['owner_uuid'] : undefined,
    brand,
    image: image ?? {},
    ram: ram + (HVM_OVERHEAD[brand ?? ''] ?? 0),
    disk: (amount(vm, 'quota') ?? 0) * 1024 + disksOf(vm, image),
    cpu: amount(vm, 'cpu_cap') ?? 0,
    tags: [...nicTags.map((tag) => [tag]), ...(nicTagRequirements ?? [])],
    servers: servers && new Set(servers),
  };
}

/** The disks of a machine, MiB. One without a size is as large as its image. */
function disksOf(vm: WireObject, image: WireObject | undefined): number {
  const flexible = amount(vm, 'flexible_disk_size');
  if (flexible !== undefined) return flexible;
  const disks = Array.isArray(vm['disks']) ? vm['disks'].map(objectOf) : [];
  return disks.reduce((total, disk) => total + (amount(disk, 'size') ?? amount(disk, 'image_size') ?? numberIn(image ?? {}, 'image_size') ?? 0), 0);
}

function amount(object: WireObject, property: string): number | undefined {
  const value = object[property];
  if (value === undefined || value === null || value === '' || (property === 'size' && value === 'remaining')) return undefined;
  const number = numberIn(object, property);
  if (number === undefined || number < 0) throw headErrors.InvalidArgument({ reason: `vm.${property} must be a number, not ${JSON.stringify(value)}` });
  return number;
}
