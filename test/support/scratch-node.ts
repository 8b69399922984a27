import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readNode, saveNodeConfig, type Node, type NodeConfig } from '../../host/config/node-config.ts';
import { dataset } from '../../host/config/units.ts';
import { prepareNodeDirectories } from '../../host/config/layout.ts';
import { run } from '../../host/run/run.ts';
import { probeZfs } from '../../host/zfs/features.ts';
import { createDataset } from '../../host/zfs/zfs.ts';
import { startAgent } from './agent.ts';
import { stopService } from '../../vmadm/metadata/ensure-service.ts';

export interface ScratchNode extends Node {
  readonly configPath: string;
  remove(): Promise<void>;
}

/** Whether this process runs in the sandbox (`test/sandbox/enter.sh`), where integration tests belong. */
export function inSandbox(): boolean {
  return process.env['ZONEWRIGHT_SANDBOX'] !== undefined;
}

/** Whether the commands of this run are to find an agent that does their work. */
export function withAgent(): boolean {
  return process.env['ZONEWRIGHT_TEST_AGENT'] === '1';
}

/**
 * A node of the test's own: real pool on a sparse file, run directory, cgroup, nic tag `admin` on a bridge with address
 * 10.77.0.1/24 (the bridge is shared by all nodes of one sandbox). `ZONEWRIGHT_NODE` points programs at it.
 */
export async function scratchNode(options: { readonly megabytes?: number } = {}): Promise<ScratchNode> {
  const sandbox = process.env['ZONEWRIGHT_SANDBOX'];
  if (sandbox === undefined) throw new Error('this test needs the sandbox: run it with `npm test -- <pattern>`');
  const id = randomBytes(4).toString('hex');
  const directory = join(sandbox, id);
  await mkdir(directory, { mode: 0o711 });
  const poolFile = join(directory, 'pool.img');
  await writeFile(poolFile, '');
  await truncate(poolFile, (options.megabytes ?? 4096) * 1024 * 1024);
  const zfs = await probeZfs();
  if (!zfs) throw new Error('the sandbox has no ZFS');
  const config: NodeConfig = {
    version: 1,
    serverUuid: randomUUID(),
    pool: `zwt${id}`,
    mountpoint: join(directory, 'zones'),
    runDirectory: join(directory, 'run'),
    cgroup: `${process.env['ZONEWRIGHT_SANDBOX_NAME']}-${id}`,
    zfs: { implementation: zfs.implementation, version: zfs.version },
    poolFile,
    uidRanges: { first: 268435456, count: 16384 },
    idmappedMounts: false,
  };
  await run(['zpool', 'create', '-m', config.mountpoint, config.pool, poolFile]);
  // As setup does it, in proportion.
  await createDataset(dataset(config.pool, 'config'), { refreservation: `${Math.min(64, Math.floor((options.megabytes ?? 4096) / 12))}M` });
  const configPath = join(directory, 'node.json');
  await saveNodeConfig(config, configPath);
  process.env['ZONEWRIGHT_NODE'] = configPath;
  const node = await readNode(configPath);
  await prepareNodeDirectories(node);
  await sharedBridge();
  await writeFile(node.paths.nicTags, JSON.stringify({ admin: { bridge: 'zwadmin' }, external: { bridge: 'zwadmin' } }));
  if (withAgent()) await startAgent({ ...node, configPath });
  return { ...node, configPath, remove: () => removeNode(node, directory) };
}

/** Of its own, as bridges of nodes have it: without one a bridge has its ports' lowest, and none when they are gone. */
const BRIDGE_MAC = '02:5a:57:00:00:01';

async function sharedBridge(): Promise<void> {
  const { exitCode } = await run(['ip', 'link', 'add', 'name', 'zwadmin', 'address', BRIDGE_MAC, 'type', 'bridge'], { acceptExitCodes: [0, 2] });
  if (exitCode !== 0) return;
  await run(['ip', 'address', 'add', '10.77.0.1/24', 'dev', 'zwadmin']);
  await run(['ip', 'link', 'set', 'zwadmin', 'up']);
}

/** Take the pool away. The sandbox's end does so anyway; this keeps a long run small. */
async function removeNode(node: Node, directory: string): Promise<void> {
  await stopService(node);
  for (let tries = 0; ; tries++) {
    const { exitCode, stderr } = await run(['zpool', 'destroy', '-f', node.pool], { acceptExitCodes: [0, 1] });
    if (exitCode === 0) break;
    if (tries === 50) throw new Error(`pool ${node.pool} cannot be destroyed: ${stderr}`);
    await sleep(100);
  }
  await rm(directory, { recursive: true, force: true });
}
