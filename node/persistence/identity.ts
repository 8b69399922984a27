import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';

/** The host's two ids, made once and kept with the node: programs tell hosts apart by `machine-id`, ZFS by `hostid`. */
export async function keepIdentity({ upper, etc, serverUuid }: { readonly upper: string; readonly etc: string; readonly serverUuid: string }): Promise<void> {
  const machine = join(upper, 'machine-id');
  if (!isMachineId(await readFileIfPresent(machine))) {
    // What this boot goes by already, or journal and leases would change their owner at the next one.
    const present = (await readFileIfPresent(join(etc, 'machine-id'))) ?? '';
    await writeFileAtomically(machine, isMachineId(present) ? present : `${randomBytes(16).toString('hex')}\n`, { durable: true });
    await chmod(machine, 0o444);
  }
  const host = join(upper, 'hostid');
  // Rather what the pool was imported with than what it would have been.
  if (!existsSync(host)) await writeFile(host, (await hostIdIn(etc)) ?? hostIdOf(serverUuid), { mode: 0o644 });
}

/**
 * Give the host its hostid before ZFS makes or imports a pool, which remembers it: the kept one lies in that pool. The
 * machine's own uuid always gives the same; a machine without one goes on without a hostid until its pool is there.
 */
export async function earlyHostId(machineUuid: string | undefined, etc = '/etc'): Promise<void> {
  if (machineUuid !== undefined && (await hostIdIn(etc)) === undefined) await writeFile(join(etc, 'hostid'), hostIdOf(machineUuid), { mode: 0o644 });
}

async function hostIdIn(etc: string): Promise<Buffer | undefined> {
  const path = join(etc, 'hostid');
  return existsSync(path) ? readFile(path) : undefined;
}

function isMachineId(text: string | undefined): boolean {
  return text !== undefined && /^[0-9a-f]{32}\n?$/.test(text) && !/^0+\n?$/.test(text);
}

/** Four bytes as gethostid(3) reads them; zero means that there is none. */
function hostIdOf(serverUuid: string): Buffer {
  const bytes = Buffer.from(serverUuid.slice(0, 8), 'hex');
  return bytes.readUInt32LE() === 0 ? Buffer.from([1, 0, 0, 0]) : bytes;
}
