import type { Node } from '../../host/config/node-config.ts';
import type { Step } from '../../host/journal/plan.ts';
import type { VmRecord } from '../payload/index.ts';
import { isMachine, rangeKey } from './context.ts';
import { resizing, type DiskChanges } from './disk-changes.ts';
import { diskCreation } from './disk-creation.ts';
import { guestFileChanges } from './guest-files.ts';
import { step } from './perform.ts';
import { machineSpace } from '../machines/space.ts';
import { rootProperties, SPACE } from './root-properties.ts';

/** The steps of an update that concern what is on disk, whether the instance runs or not. */
export function storageSteps(node: Node, before: VmRecord, after: VmRecord, disks: DiskChanges): Step[] {
  const { uuid } = after;
  const key = rangeKey(node, after);
  const root = rootSteps(node, before, after);
  const held = holdSteps(before, after);
  const onDisks = [...disks.changed.flatMap((pair) => resizing(uuid, pair)), ...disks.added.map((disk) => diskCreation(uuid, key, disk))];
  return [
    // Room is made before it is taken, and taken away when it is free.
    ...(takesRoom(node, before, after) ? [...onDisks, ...root] : [...root, ...onDisks]),
    ...held,
    ...(isMachine(after) ? [] : guestFileSteps(uuid, key, before, after)),
  ];
}

/** The steps that give the root the properties that a record has. */
export function rootSteps(node: Node, before: VmRecord, after: VmRecord): Step[] {
  const { uuid } = after;
  const [old, wanted] = [rootProperties(node, before), rootProperties(node, after)];
  const changed = Object.keys(wanted).filter((name) => old[name] !== wanted[name]);
  // What ZFS holds against each other is set together.
  const names = Object.keys(wanted).filter((name) => changed.includes(name) || (isSpace(name) && changed.some(isSpace)));
  const pick = (from: Record<string, string>): Record<string, string | undefined> => Object.fromEntries(names.map((name) => [name, from[name]]));
  return names.length > 0 ? [step('vm.root.set', { uuid, before: pick(old), after: pick(wanted) })] : [];
}

function takesRoom(node: Node, before: VmRecord, after: VmRecord): boolean {
  return after.brand === 'bhyve' && machineSpace(node, after).quota < machineSpace(node, before).quota;
}

function isSpace(name: string): boolean {
  return (SPACE as readonly string[]).includes(name);
}

function holdSteps(before: VmRecord, after: VmRecord): Step[] {
  const held = after.indestructible_zoneroot === true;
  return held === (before.indestructible_zoneroot === true) ? [] : [step('vm.root.hold', { uuid: after.uuid, held })];
}

function guestFileSteps(uuid: string, key: string, before: VmRecord, after: VmRecord): Step[] {
  const files = guestFileChanges(before, after).map((file) => ({ ...file }));
  return files.length > 0 ? [step('vm.guest.files', { uuid, key, files })] : [];
}
