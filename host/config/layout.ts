import { chmod } from 'node:fs/promises';
import { makePrivateDirectory } from '../files/atomic.ts';
import type { Node } from './node-config.ts';

/**
 * Make the directories that a node works in, below a pool that is mounted. Safe to repeat.
 *
 * The pool's mountpoint can be passed through but not listed: a zone's root runs as a uid of its own and must reach its
 * own directory below. That directory in turn is closed to every uid but root and the zone's (0710), so no user of the
 * host can reach a setuid program inside a zone.
 */
export async function prepareNodeDirectories(node: Node): Promise<void> {
  await chmod(node.mountpoint, 0o711);
  for (const directory of [node.paths.config, node.paths.instances, node.paths.images, node.paths.journal]) {
    await makePrivateDirectory(directory);
    await chmod(directory, 0o700);
  }
  // LXC insists that a zone's root can pass through what holds its runtime directory; that directory itself is closed.
  for (const directory of [node.runDirectory, node.paths.lxc]) {
    await makePrivateDirectory(directory);
    await chmod(directory, 0o711);
  }
}
