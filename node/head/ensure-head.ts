import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { PLATFORM_FILE } from '../../host/config/platform.ts';
import { dataset } from '../../host/config/units.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { run } from '../../host/run/run.ts';
import { datasetExists, getProperties, mountDataset } from '../../host/zfs/zfs.ts';
import { systemdRuns } from '../setup/systemd.ts';

const PROGRAM = join(import.meta.dirname, '../../bin/zonewright');

/** Where the head node that runs on this node keeps everything. */
export function headDirectory(node: Pick<Node, 'mountpoint'>): string {
  return join(node.mountpoint, 'head');
}

/**
 * Bring the head node of this node back after a boot: its unit, which lies in memory, and the head process. Nobody waits for it: the boot
 * service answers first, and the database may take its time. Does nothing when this node is no head, and when its head runs.
 * @returns what was done, for people; undefined when this node is no head
 */
export async function ensureHead(node: Node): Promise<string | undefined> {
  const name = dataset(node.pool, 'head');
  if (!(await datasetExists(name))) return undefined;
  if ((await getProperties(name, 'mounted'))?.mounted === 'no') await mountDataset(name);
  if (!existsSync(join(headDirectory(node), 'config.json'))) return undefined;
  if (!systemdRuns()) return 'no systemd here: `zonewright head` runs it';
  const { headUnit, UNIT_NAME, UNIT_PATH } = await import('../../headnode/unit.ts');
  const inMemory = existsSync(PLATFORM_FILE);
  const unit = headUnit({ program: PROGRAM, directory: headDirectory(node), withHost: !inMemory });
  if ((await readFileIfPresent(UNIT_PATH)) !== unit) {
    await writeFileAtomically(UNIT_PATH, unit, { durable: !inMemory, mode: 0o644 });
    await run(['systemctl', 'daemon-reload']);
  }
  if (!inMemory) await run(['systemctl', '--quiet', 'enable', UNIT_NAME]);
  await run(['systemctl', '--no-block', 'start', UNIT_NAME]);
  return `${UNIT_NAME} is being started`;
}
