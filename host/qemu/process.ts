/**
 * The process of a machine. What is known of it lies in its run directory, which a reboot of the host empties: sockets, the
 * end of its console, how it ended. Whether it runs is asked of the kernel.
 *
 *   <machines>/<uuid>/sockets/   QMP, console, metadata, VNC, guest agent (`SOCKETS`)
 *   <machines>/<uuid>/log/       a small memory file system of its own: console output, QEMU's own words
 *   <machines>/<uuid>/exit.json  how it ended last
 */
import { existsSync } from 'node:fs';
import { chown, mkdir, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { groupDirectories, killGroup, makeGroup, processesIn, removeGroup } from '../cgroup/groups.ts';
import type { ControlValue } from '../cgroup/limits.ts';
import { hostErrors } from '../errors/host-errors.ts';
import { readFileIfPresent } from '../files/atomic.ts';
import { launch } from '../run/launch.ts';
import { run } from '../run/run.ts';
import { encodeQemuOptions } from './command-line.ts';
import { machineJailed, type JailedFile } from './jail.ts';
import { machineOptions, SOCKETS, type Machine } from './machine.ts';
import { connectQmp } from './qmp.ts';

/** Where a machine's runtime state lies. */
export interface MachineRuntime {
  readonly uuid: string;
  /** `<run directory>/machines/<uuid>`. */
  readonly directory: string;
  /** Its cgroup, relative to init's. */
  readonly group: string;
}

export interface MachineStart {
  readonly machine: Omit<Machine, 'sockets' | 'log' | 'nics' | 'vncPasswordFile'> & { readonly nics: ReadonlyArray<Omit<Machine['nics'][number], 'descriptor'>> };
  readonly id: number;
  /** Disks and firmware, by the path that the machine's description has for them. */
  readonly files: readonly JailedFile[];
  readonly limits: readonly ControlValue[];
  /** Open taps, in the order of the nics. */
  readonly taps: readonly number[];
  readonly vncPassword?: string | undefined;
}

/** Bytes of console output and QEMU's messages that are kept, whatever a guest prints. */
const LOG_BYTES = 1024 * 1024;
/** Descriptors of the jail's program: exit status, then the taps. */
const FIRST_TAP = 4;
const INSIDE = { sockets: '/machine/sockets', log: '/machine/log', vncPassword: '/machine/vnc-password' };

/** Start a machine; returns when QEMU answers. When it does not come up nothing of it stays. @throws MachineStartFailed */
export async function startMachine(runtime: MachineRuntime, start: MachineStart): Promise<void> {
  await prepareDirectory(runtime, start);
  await makeGroup(runtime.group, start.limits);
  const [log, status] = await Promise.all([open(join(runtime.directory, 'log', 'qemu.log'), 'w', 0o600), open(join(runtime.directory, 'exit.json'), 'w', 0o600)]);
  try {
    const launched = await launch(joined(runtime.group, commandOf(runtime, start)), { log: log.fd, descriptors: [status.fd, ...start.taps] });
    await answers(runtime, launched.ended);
    launched.letGo();
  } catch (error) {
    await killGroup(runtime.group);
    const words = (await readFileIfPresent(join(runtime.directory, 'log', 'qemu.log')))?.trim().split('\n').slice(-3).join(' / ');
    throw hostErrors.MachineStartFailed({ reason: words || (error as Error).message }, { cause: error });
  } finally {
    await Promise.all([log.close(), status.close()]);
  }
}

/** Whether the machine's process is alive. */
export async function isMachineRunning(runtime: MachineRuntime): Promise<boolean> {
  return (await processesIn(runtime.group)).length > 0;
}

/** Wait until the machine has ended. @returns false when it had not after so many seconds */
export async function machineEnded(runtime: MachineRuntime, seconds: number): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  for (let pause = 5; ; pause = Math.min(pause * 2, 200)) {
    if (!(await isMachineRunning(runtime))) return true;
    if (Date.now() >= deadline) return false;
    await sleep(pause);
  }
}

/** End a machine without asking it, and wait until the kernel has let go of it. */
export async function killMachine(runtime: MachineRuntime): Promise<void> {
  await killGroup(runtime.group);
}

/** Remove what the host holds of a machine that does not run. */
export async function removeMachineRuntime(runtime: MachineRuntime): Promise<void> {
  await removeGroup(runtime.group);
  await unmountLog(join(runtime.directory, 'log'));
  // Whoever serves its screen may be writing down where at this very moment.
  await rm(runtime.directory, { recursive: true, force: true, maxRetries: 10 });
}

/** What has just died may keep it busy for a moment. */
async function unmountLog(directory: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { stderr } = await run(['umount', '--', directory], { acceptExitCodes: [0, 1, 32] });
    if (!/busy/.test(stderr)) return;
    await sleep(20);
  }
}

/** Whether the machine's screen has asked for a password since it started. */
export function hasVncPassword({ directory }: MachineRuntime): boolean {
  return existsSync(join(directory, VNC_PASSWORD));
}

const VNC_PASSWORD = 'vnc-password';

/** How a machine ended last: its exit status, negative for a signal, and when; undefined while it runs or when nobody knows. */
export async function machineExit(runtime: MachineRuntime): Promise<{ readonly status: number; readonly at: Date } | undefined> {
  const path = join(runtime.directory, 'exit.json');
  const text = (await readFileIfPresent(path)) ?? '';
  const code = Number(/"exit-code": (\d+)/.exec(text)?.[1] ?? NaN);
  return Number.isNaN(code) ? undefined : { status: code > 128 ? 128 - code : code, at: (await stat(path)).mtime };
}

/** The last lines that the machine printed on its console. */
export async function consoleTail(runtime: MachineRuntime, lines: number): Promise<string[]> {
  const texts = await Promise.all(['console.log.1', 'console.log'].map((name) => readFileIfPresent(join(runtime.directory, 'log', name))));
  return texts.join('').replace(/\r/g, '').trimEnd().split('\n').slice(-lines);
}

async function prepareDirectory({ directory }: MachineRuntime, { id, vncPassword }: MachineStart): Promise<void> {
  const [sockets, log] = [join(directory, 'sockets'), join(directory, 'log')];
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const name of await readdir(directory)) if (name !== 'log') await rm(join(directory, name), { recursive: true, force: true });
  await mkdir(sockets, { recursive: true, mode: 0o700 });
  await chown(sockets, id, id);
  await mkdir(log, { recursive: true, mode: 0o700 });
  await unmountLog(log);
  await run(['mount', '-t', 'tmpfs', '-o', `size=${LOG_BYTES},nr_inodes=16,mode=0700,uid=${id},gid=${id},nosuid,nodev,noexec`, 'zonewright', log]);
  if (vncPassword !== undefined) {
    await writeFile(join(directory, VNC_PASSWORD), vncPassword, { mode: 0o400 });
    await chown(join(directory, VNC_PASSWORD), id, id);
  }
}

function commandOf({ directory }: MachineRuntime, start: MachineStart): [string, ...string[]] {
  const machine: Machine = {
    ...start.machine,
    nics: start.machine.nics.map((nic, index) => ({ ...nic, descriptor: FIRST_TAP + index })),
    sockets: INSIDE.sockets,
    log: INSIDE.log,
    ...(start.vncPassword === undefined ? {} : { vncPasswordFile: INSIDE.vncPassword }),
  };
  const { name, group } = machine.accelerator;
  return machineJailed(['qemu-system-x86_64', ...encodeQemuOptions(machineOptions(machine))], {
    id: start.id,
    groups: group === undefined ? [] : [group],
    files: [
      { source: join(directory, 'sockets'), target: INSIDE.sockets, access: 'write' },
      { source: join(directory, 'log'), target: INSIDE.log, access: 'write' },
      ...(start.vncPassword === undefined ? [] : [{ source: join(directory, VNC_PASSWORD), target: INSIDE.vncPassword, access: 'read' as const }]),
      ...(name === 'kvm' ? [{ source: '/dev/kvm', target: '/dev/kvm', access: 'device' as const }] : []),
      ...start.files,
    ],
    statusDescriptor: 3,
  });
}

function joined(group: string, command: readonly string[]): [string, ...string[]] {
  return ['/bin/sh', join(import.meta.dirname, 'join-group.sh'), ...groupDirectories(group), '--', ...command];
}

const START_SECONDS = 30;

/** Wait until QEMU speaks QMP, or has ended. */
async function answers({ directory }: MachineRuntime, ended: Promise<number | null>): Promise<void> {
  const path = join(directory, 'sockets', SOCKETS.control);
  const deadline = Date.now() + START_SECONDS * 1000;
  let over = false;
  void ended.then(() => (over = true));
  while (!over && Date.now() < deadline) {
    try {
      (await connectQmp(path, { seconds: START_SECONDS })).close();
      return;
    } catch (error) {
      if (!isNotThereYet(error)) throw error;
    }
    await sleep(10);
  }
  throw new Error(over ? 'QEMU ended at once' : `QEMU did not answer within ${START_SECONDS} s`);
}

function isNotThereYet(error: unknown): boolean {
  return error instanceof Error && /ENOENT|ECONNREFUSED/.test(error.message);
}
