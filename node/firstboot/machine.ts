import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PLATFORM_FILE } from '../../host/config/platform.ts';
import { isSystemError } from '../../host/errors/errors.ts';
import { run } from '../../host/run/run.ts';
import { listDisks, type Disk } from '../disks/list.ts';
import { findUnfinishedPools } from './unfinished-pools.ts';

/** What an installation can use of this machine. */
export interface Machine {
  readonly disks: readonly Disk[];
  readonly interfaces: readonly Interface[];
  /** Pools that an installation of this machine made and did not finish: nothing is in them. */
  readonly unfinishedPools?: readonly string[];
}

/** A network interface that is hardware. */
export interface Interface {
  readonly name: string;
  readonly mac: string;
  /** Whether something is at the other end; undefined while the interface is down. */
  readonly carrier: boolean | undefined;
  readonly driver: string;
}

/** Look at this machine's disks and interfaces. */
export async function lookAtMachine(): Promise<Machine> {
  // On a host that is more than a machine to be installed, pools are not ours to import.
  const unfinishedPools = existsSync(PLATFORM_FILE) ? await findUnfinishedPools() : [];
  const [disks, interfaces] = await Promise.all([listDisks(), listInterfaces()]);
  return { disks, interfaces, unfinishedPools };
}

/** An interface that is down does not know whether something is at its other end. @returns when one knows, or none does in time */
export async function wakeInterfaces({ seconds = 5 }: { readonly seconds?: number } = {}): Promise<void> {
  for (const { name } of await listInterfaces()) await run(['ip', 'link', 'set', 'dev', name, 'up'], { acceptExitCodes: [0, 2] });
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline && !(await listInterfaces()).some(({ carrier }) => carrier === true)) await sleep(200);
}

const INTERFACES = '/sys/class/net';

async function listInterfaces(): Promise<Interface[]> {
  const names = (await readdir(INTERFACES)).sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const path = `${INTERFACES}/${name}`;
      // Bridges, bonds and the like have no device behind them.
      const driver = await readText(`${path}/device/uevent`);
      // A bridge that it is part of, or a bond, does not change what it is called by.
      const mac = (await readText(`${path}/bonding_slave/perm_hwaddr`)) ?? (await readText(`${path}/address`)) ?? '';
      if (driver === undefined || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) return undefined;
      const carrier = await readText(`${path}/carrier`);
      return { name, mac, carrier: carrier === undefined ? undefined : carrier === '1', driver: /^DRIVER=(\S+)$/m.exec(driver)?.[1] ?? 'unknown' };
    }),
  );
  return found.filter((one) => one !== undefined);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    // EINVAL: an interface that is down does not know its carrier.
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EINVAL')) return undefined;
    throw error;
  }
}
