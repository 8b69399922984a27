import type { WireObject } from '../services.ts';

const HVM = ['bhyve', 'kvm'];
const SAME_NAME = ['cpu_cap', 'max_lwps', 'zfs_io_priority'];

/** What a VM takes from its package (control-plane §3.2). A package's quota is in MiB, a VM's in GiB. */
export function packageProperties(found: WireObject, brand: string): WireObject {
  const isHvm = HVM.includes(brand);
  const properties: Record<string, unknown> = { billing_id: found['uuid'] };
  for (const name of SAME_NAME) if (isNumber(found[name])) properties[name] = found[name];
  // What a machine gets of it is its second disk, which its maker asks for.
  if (!isHvm && isNumber(found['quota'])) properties['quota'] = Math.max(1, Math.ceil(found['quota'] / 1024));
  if (isNumber(found['max_physical_memory'])) properties['ram'] = found['max_physical_memory'];
  if (isHvm && isNumber(found['vcpus']) && found['vcpus'] > 0) properties['vcpus'] = found['vcpus'];
  // A zone's memory limit and swap follow the package; a machine's come from its memory and what QEMU itself needs.
  if (!isHvm && isNumber(found['max_physical_memory'])) properties['max_physical_memory'] = found['max_physical_memory'];
  if (!isHvm && isNumber(found['max_swap'])) properties['max_swap'] = Math.max(found['max_swap'], Number(found['max_physical_memory'] ?? 0));
  return properties;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
