import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { prepareNodeDirectories } from '../../../host/config/layout.ts';
import { ready, wanting, type SetupStep } from '../step.ts';
import { isPoolMounted, nodeOf } from '../node-of.ts';

/** The directories in which a node works, in the pool and below /run. */
export const directoriesStep: SetupStep = {
  name: 'directories',
  async inspect(setup) {
    const { mountpoint, runDirectory, paths } = nodeOf(setup);
    const present = (await isPoolMounted(setup)) && [mountpoint, paths.instances, paths.images, paths.journal, paths.lxc].every((path) => existsSync(path));
    const closed = present && ((await stat(mountpoint)).mode & 0o777) === 0o711;
    return closed ? ready(`${mountpoint}, ${runDirectory}`) : wanting(`make directories in ${mountpoint} and ${runDirectory}`);
  },
  async perform(setup) {
    const node = nodeOf(setup);
    await prepareNodeDirectories(node);
    return `${node.mountpoint}, ${node.runDirectory}`;
  },
};
