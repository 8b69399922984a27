import { readControls } from '../../host/cgroup/live-limits.ts';
import { replacingControlValues, type ControlValue } from '../../host/cgroup/limits.ts';
import type { Node } from '../../host/config/node-config.ts';
import type { Step } from '../../host/journal/plan.ts';
import { payloadGroup } from '../../host/lxc/groups.ts';
import { limitsOf } from '../brands/limits.ts';
import { lockableBytes } from '../brands/write-zone-config.ts';
import { zoneRuntime } from '../instance/live.ts';
import { machineRuntime } from '../machines/runtime.ts';
import type { VmRecord } from '../payload/index.ts';
import { isMachine } from './context.ts';
import { isLivePassword } from './pending.ts';
import { step } from './perform.ts';

/** The steps of an update that change an instance while it runs. */
export async function liveSteps(node: Node, before: VmRecord, after: VmRecord): Promise<Step[]> {
  const { uuid } = after;
  return [
    ...(await limitSteps(node, before, after)),
    ...(isMachine(after) ? [] : lockSteps(before, after)),
    ...(isLivePassword(before, after) ? [step('vm.machine.vnc-password', { uuid })] : []),
    ...(isMachine(after) && before.vnc_port !== after.vnc_port ? [step('vm.machine.vnc-port', { uuid })] : []),
  ];
}

/** Before is what the kernel has, not what the record had: an earlier update may have left a machine with more. */
async function limitSteps(node: Node, before: VmRecord, after: VmRecord): Promise<Step[]> {
  const group = isMachine(after) ? machineRuntime(node, after.uuid).group : payloadGroup(zoneRuntime(node, after.uuid));
  const old = new Map(replacingControlValues(limitsOf(before)).map(({ file, value }) => [file, value]));
  const changed = replacingControlValues(limitsOf(after)).filter(({ file, value }) => old.get(file) !== value);
  const current = await readControls(group, changed);
  const wanted = isMachine(after) ? changed.filter((control) => !lowersMemory(control, current)) : changed;
  const there = wanted.filter(({ file }) => current.some((control) => control.file === file));
  if (there.length === 0) return [];
  const held = current.filter(({ file }) => there.some((control) => control.file === file));
  return [step('vm.limits.set', { group, before: held.map(asData), after: there.map(asData) })];
}

/** A machine has taken its memory when it started: a lower limit would kill it, so that waits for its next boot. */
function lowersMemory({ file, value }: ControlValue, current: readonly ControlValue[]): boolean {
  const now = current.find((control) => control.file === file)?.value;
  return file.startsWith('memory.') && now !== undefined && (now === 'max' || Number(value) < Number(now));
}

function lockSteps(before: VmRecord, after: VmRecord): Step[] {
  if (before.max_locked_memory === after.max_locked_memory || lockableBytes() !== undefined) return [];
  const bytes = (mebibytes: number): number => mebibytes * 1024 * 1024;
  return [step('vm.memlock.set', { uuid: after.uuid, before: bytes(before.max_locked_memory), after: bytes(after.max_locked_memory) })];
}

function asData({ version, file, value }: ControlValue): { version: number; file: string; value: string } {
  return { version, file, value };
}
