/**
 * Zones as LXC runs them. Each has a directory `<lxc>/<uuid>` with its generated `config`; the kernel says whether it
 * runs and which process is its init, so nothing of that is kept in a file.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesIn, removeGroup } from '../cgroup/groups.ts';
import { initOf } from '../cgroup/init.ts';
import { isErrorCode, isSystemError } from '../errors/errors.ts';
import { hostErrors } from '../errors/host-errors.ts';
import { readFileIfPresent } from '../files/atomic.ts';
import { run } from '../run/run.ts';
import { payloadGroup, type ZoneRuntime } from './groups.ts';

const LXC_START = '/usr/bin/lxc-start';
/** LXC, as root, writes a zone's ids itself where it finds no `newuidmap`; else it has two shells and two programs do it. */
const PATH_WITHOUT_NEWUIDMAP = '/usr/sbin:/sbin';

/** Start a zone whose configuration is written; returns when its init runs. @throws ZoneStartFailed with LXC's reason */
export async function startZone(zone: ZoneRuntime): Promise<void> {
  const log = join(zone.lxcDirectory, zone.uuid, 'start.log');
  await rm(log, { force: true });
  try {
    await run([LXC_START, '-d', '-P', zone.lxcDirectory, '-n', zone.uuid, '-o', log, '-l', 'ERROR'], { startsDaemon: true, environment: { PATH: PATH_WITHOUT_NEWUIDMAP } });
  } catch (error) {
    if (!isErrorCode(error, 'CommandFailed')) throw error;
    throw hostErrors.ZoneStartFailed({ reason: reasonIn(await readFileIfPresent(log)) ?? error.message }, { cause: error });
  }
}

/**
 * Ask a zone's init to shut down and wait for that, then end it by force.
 * @param seconds how long the guest may take; 0 does not ask at all.
 * @param afterGuest done when no process of the guest is left, while LXC still clears up behind it.
 */
export async function stopZone(zone: ZoneRuntime, seconds: number, afterGuest: () => Promise<void> = async () => undefined): Promise<void> {
  if (seconds > 0 || !(await killGuest(zone))) {
    const how = seconds > 0 ? ['-t', String(seconds)] : ['-k'];
    // 2: it does not run. 1 also when it vanished while it was being asked; the check below is what counts.
    await run(['lxc-stop', '-P', zone.lxcDirectory, '-n', zone.uuid, ...how], { acceptExitCodes: [0, 1, 2] });
  }
  await guestGone(zone);
  await Promise.all([monitorGone(zone), afterGuest()]);
}

/** Ask a zone's init to reboot; it comes up again by itself. @returns false when its init did not do so in time. */
export async function rebootZone(zone: ZoneRuntime, seconds: number): Promise<boolean> {
  const before = await initPid(zone);
  await run(['lxc-stop', '-P', zone.lxcDirectory, '-n', zone.uuid, '-r', '-W'], { acceptExitCodes: [0, 1, 2] });
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    const now = await initPid(zone);
    if (now !== undefined && now !== before) return true;
    await sleep(50);
  }
  return false;
}

/** The zone's init as the host numbers it, undefined when the zone does not run. */
export async function initPid(zone: ZoneRuntime): Promise<number | undefined> {
  return initOf(payloadGroup(zone));
}

/** When a process started, from the kernel. */
export async function processStartTime(pid: number): Promise<Date | undefined> {
  const [stat, system] = await Promise.all([readFileIfPresent(`/proc/${pid}/stat`), readFile('/proc/stat', 'utf8')]);
  const ticks = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  const booted = Number(/^btime (\d+)$/m.exec(system)?.[1]);
  return Number.isFinite(ticks) ? new Date(booted * 1000 + ticks * (1000 / TICKS_PER_SECOND)) : undefined;
}

/** Remove what the kernel still holds of a zone that does not run: its groups and its runtime directory. */
export async function removeZoneRuntime(zone: ZoneRuntime): Promise<void> {
  await removeGroup(`${zone.cgroup}/${zone.uuid}`);
  await rm(join(zone.lxcDirectory, zone.uuid), { recursive: true, force: true });
}

/** The command that runs `command` (or its shell) inside a zone on this terminal. */
export function attachCommand(zone: ZoneRuntime, command: readonly string[], environment: Readonly<Record<string, string>>): [string, ...string[]] {
  const variables = Object.entries(environment).flatMap(([name, value]) => ['-v', `${name}=${value}`]);
  return ['lxc-attach', '-P', zone.lxcDirectory, '-n', zone.uuid, '--clear-env', ...variables, '--', ...command];
}

/** The command that connects this terminal to a zone's console; Ctrl-] leaves it. */
export function consoleCommand(zone: ZoneRuntime): [string, ...string[]] {
  // socat splits its address at commas, colons and quotes; a path that has any of them cannot be said to it.
  if (!/^[A-Za-z0-9/_.-]+$/.test(zone.lxcDirectory)) throw hostErrors.UnsafePath({ path: zone.lxcDirectory, reason: 'socat cannot take it' });
  const attach = `EXEC:lxc-console -P ${zone.lxcDirectory} -n ${zone.uuid} -t 0,pty,setsid,ctty,rawer`;
  return ['socat', '-,rawer,escape=0x1d', attach];
}

/** USER_HZ, which the kernel's interface has fixed at 100. */
const TICKS_PER_SECOND = 100;

/** All that `lxc-stop -k` would do for a zone that is up: with its init everything in its pid namespace dies. @returns false when that is not enough */
async function killGuest(zone: ZoneRuntime): Promise<boolean> {
  const init = await initPid(zone);
  if (init === undefined) return false;
  kill(init);
  // A frozen one dies only when LXC thaws it.
  return emptied(() => processesIn(payloadGroup(zone)), FROZEN_MILLISECONDS);
}

const FROZEN_MILLISECONDS = 2000;
const STOP_MILLISECONDS = 30_000;

async function guestGone(zone: ZoneRuntime): Promise<void> {
  const guest = (): Promise<number[]> => processesIn(payloadGroup(zone));
  if (await emptied(guest, STOP_MILLISECONDS)) return;
  for (const pid of await guest()) kill(pid);
  await sleep(100);
}

/** Until the zone's monitor is gone too it keeps the root's dataset busy. */
async function monitorGone(zone: ZoneRuntime): Promise<void> {
  await emptied(() => processesIn(`${zone.cgroup}/${zone.uuid}/lxc.monitor.${zone.uuid}`), STOP_MILLISECONDS);
}

/** Looking costs a fraction of a millisecond, so it is done often: a zone is gone within some tens of them. */
async function emptied(list: () => Promise<readonly number[]>, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  for (let pause = 1; ; pause = Math.min(pause * 1.5, 20)) {
    if ((await list()).length === 0) return true;
    if (Date.now() >= deadline) return false;
    await sleep(pause);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
}

/** LXC's first error is the cause, those after it are its consequences. */
function reasonIn(log: string | undefined): string | undefined {
  const line = log?.split('\n').find((one) => / ERROR /.test(one));
  return line?.replace(/^.* ERROR +\S+ - \S+ - /, '');
}
