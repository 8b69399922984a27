import { existsSync } from 'node:fs';
import { smbiosUuid } from '../../agent/sysinfo/smbios.ts';
import { nodeConfigPath, readNode } from '../../host/config/node-config.ts';
import { PLATFORM_FILE } from '../../host/config/platform.ts';
import { isRescue, kernelParameters } from '../boot/kernel-parameters.ts';
import { restoreNode } from '../boot/restore-node.ts';
import { earlyHostId } from './identity.ts';
import { mountPersistent } from './mount-persistent.ts';

/**
 * What happens on a RAM-booted host before init starts: the node's pool is imported, and what it keeps is mounted. In rescue,
 * and on a machine that is no node, nothing is.
 * @returns what to say about it
 */
export async function beforeInit(): Promise<string[]> {
  if (!existsSync(PLATFORM_FILE) || existsSync(nodeConfigPath())) return [];
  await earlyHostId(await smbiosUuid());
  if (isRescue(await kernelParameters())) return [];
  const pool = await restoreNode();
  if (pool === undefined) return [];
  await mountPersistent(await readNode());
  return [`the node's pool ${pool} is imported`];
}
