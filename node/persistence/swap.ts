import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { PLATFORM_FILE } from '../../host/config/platform.ts';
import { dataset } from '../../host/config/units.ts';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { run } from '../../host/run/run.ts';
import { getProperties } from '../../host/zfs/zfs.ts';

/**
 * Swap to the volume that the pool of a RAM-booted node has for it.
 * @returns what is wrong, for people: a node runs without
 */
export async function activateSwap({ pool }: Node): Promise<string[]> {
  if (!existsSync(PLATFORM_FILE) || !(await getProperties(dataset(pool, 'swap'), 'name'))) return [];
  try {
    const volume = join('/dev/zvol', pool, 'swap');
    await run(['udevadm', 'wait', '--timeout=30', '--', volume]);
    const device = await realpath(volume);
    if (((await readFileIfPresent('/proc/swaps')) ?? '').split('\n').some((line) => line.startsWith(`${device} `))) return [];
    if (!(await hasSignature(device))) await run(['mkswap', '--', device]);
    await run(['swapon', '--', device]);
    return [];
  } catch (error) {
    if (error instanceof ZonewrightError || (error instanceof Error && 'code' in error)) return [`no swap: ${error.message}`];
    throw error;
  }
}

async function hasSignature(device: string): Promise<boolean> {
  const { stdout } = await run(['blkid', '--probe', '--match-tag', 'TYPE', '--output', 'value', '--', device], { acceptExitCodes: [0, 2] });
  return stdout.trim() === 'swap';
}
