/**
 * What outlives a reboot of a host whose root is in memory. It lies in the pool and is mounted over the image's own, before
 * init starts where that is possible: what changes there is kept from that moment on, and nothing is ever copied back.
 *
 *     /etc          overlay: the image's, with what was changed on this node in <pool>/config/etc
 *     /var /opt     <pool>/var, <pool>/opt
 *     /var/log      <pool>/logs
 *     /home /root   <pool>/home
 */
import { existsSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { PLATFORM_FILE } from '../../host/config/platform.ts';
import { mountsBelow } from '../../host/files/mounts.ts';
import { run } from '../../host/run/run.ts';
import { keepCores } from './cores.ts';
import { linkCustomUnits } from './custom-units.ts';
import { provideDatasets, storesOf } from './datasets.ts';
import { etcLayers, mountEtc } from './etc.ts';
import { followIds } from './follow-ids.ts';
import { addMissing } from './skeleton.ts';
import { mountVar } from './var.ts';

/** Where init leaves the image's layers (`image/`) and the one in memory over them (`layer/upper`) to be looked at. */
export const SYSTEM_DIRECTORY = '/system';

/**
 * Mount what this node keeps in its pool, which is imported. Safe to repeat; on a host whose root is on a disk there is
 * nothing to do. Called before init at each boot, and at the end of the set-up that made the node: what the host has in
 * memory by then (password, host keys, hostname) becomes the node's.
 */
export async function mountPersistent(node: Node): Promise<void> {
  if (!existsSync(PLATFORM_FILE)) return;
  await provideDatasets(node);
  const stores = storesOf(node);
  const mounted = new Set((await mountsBelow('/')).map(({ mountpoint }) => mountpoint));
  if (!mounted.has('/etc')) {
    const { var: kept, logs, home, opt } = stores;
    await followIds({ base: etcLayers(stores.etc).base, image: join(SYSTEM_DIRECTORY, 'image/platform/etc'), directories: [kept, logs, home, opt, stores.etc] });
    await mountEtc({ store: stores.etc, etc: '/etc', system: SYSTEM_DIRECTORY, serverUuid: node.serverUuid });
  }
  if (!mounted.has('/var')) await mountVar({ store: stores.var, logs: stores.logs, var: '/var', system: SYSTEM_DIRECTORY });
  if (!mounted.has('/opt')) await bind(stores.opt, '/opt');
  if (!mounted.has('/home')) await bind(stores.home, '/home');
  if (!mounted.has('/root')) await bind(await homeOfRoot(stores.home), '/root');
  await linkCustomUnits({ custom: '/opt/custom/systemd', units: '/run/systemd/system' });
  await keepCores(stores.cores);
}

async function bind(from: string, onto: string): Promise<void> {
  await run(['mount', '--bind', '--', from, onto]);
}

async function homeOfRoot(home: string): Promise<string> {
  const directory = join(home, 'root');
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o700);
  await addMissing('/root', directory);
  return directory;
}
