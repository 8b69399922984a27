import type { Node } from '../../host/config/node-config.ts';
import type { Step } from '../../host/journal/plan.ts';
import type { VmRecord } from '../payload/index.ts';
import { isMachine, rangeKey } from './context.ts';
import { resizing, type DiskChanges } from './disk-changes.ts';
import { diskCreation } from './disk-creation.ts';
import { guestFileChanges } from './guest-files.ts';
import { step } from './perform.ts';
import { rootProperties } from './root-properties.ts';

/** The steps of an update that concern what is on disk, whether the instance runs or not. */
export function storageSteps(node: Node, before: VmRecord, after: VmRecord, disks: DiskChanges): Step[] {
  const { uuid } = after;
  const key = rangeKey(node, after);
  return [
    ...rootSteps(before, after),
    ...disks.changed.flatMap((pair) => resizing(uuid, pair)),
    ...disks.added.map((disk) => diskCreation(uuid, key, disk)),
    ...(isMachine(after) ? [] : guestFileSteps(uuid, key, before, after)),
  ];
}

function rootSteps(before: VmRecord, after: VmRecord): Step[] {
  const { uuid } = after;
  const old = rootProperties(before);
  const changed = Object.entries(rootProperties(after)).filter(([name, value]) => old[name] !== value);
  const set = { uuid, before: Object.fromEntries(changed.map(([name]) => [name, old[name]])), after: Object.fromEntries(changed) };
  const held = after.indestructible_zoneroot === true;
  return [
    ...(changed.length > 0 ? [step('vm.root.set', set)] : []),
    ...(held === (before.indestructible_zoneroot === true) ? [] : [step('vm.root.hold', { uuid, held })]),
  ];
}

function guestFileSteps(uuid: string, key: string, before: VmRecord, after: VmRecord): Step[] {
  const files = guestFileChanges(before, after).map((file) => ({ ...file }));
  return files.length > 0 ? [step('vm.guest.files', { uuid, key, files })] : [];
}
