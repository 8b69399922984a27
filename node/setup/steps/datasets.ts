import { totalmem } from 'node:os';
import { dataset, type Dataset } from '../../../host/config/units.ts';
import { probeZfs } from '../../../host/zfs/features.ts';
import { createDataset, createVolume, datasetExists } from '../../../host/zfs/zfs.ts';
import { isZfsDaemonUp } from '../../../host/zfs/daemon.ts';
import { ready, wanting, type Setup, type SetupStep } from '../step.ts';
import { hasModule } from './zfs.ts';

/**
 * File systems that every node has (design §11), and their sizes in properties of ZFS. Without room of its own for its
 * journals a node whose pool is full could not delete anything.
 */
const FILE_SYSTEMS: ReadonlyArray<readonly [name: string, properties: Readonly<Record<string, string>>]> = [
  ['config', { refreservation: '128M' }],
  ['opt', {}],
  ['var', {}],
  ['cores', { quota: '10G' }],
];

/** The datasets in which a node keeps what outlives it. */
export const datasetsStep: SetupStep = {
  name: 'datasets',
  async inspect(setup) {
    const names = await wantedNames();
    const missing = (await hasModule()) || (await isZfsDaemonUp()) ? await missingOf(setup, names) : names;
    return missing.length === 0 ? ready(names.join(', ')) : wanting(`make ${missing.join(', ')}`);
  },
  async perform(setup) {
    const missing = await missingOf(setup, await wantedNames());
    for (const [name, properties] of FILE_SYSTEMS) {
      if (missing.includes(name)) await createDataset(nameIn(setup, name), properties);
    }
    if (missing.includes('swap')) await createVolume(nameIn(setup, 'swap'), totalmem(), { sparse: true });
    return missing.join(', ');
  },
};

async function wantedNames(): Promise<string[]> {
  const volumes = (await probeZfs())?.volumes ?? false;
  return [...FILE_SYSTEMS.map(([name]) => name), ...(volumes ? ['swap'] : [])];
}

async function missingOf(setup: Setup, names: readonly string[]): Promise<string[]> {
  const present = await Promise.all(names.map((name) => datasetExists(nameIn(setup, name))));
  return names.filter((_, index) => !present[index]);
}

function nameIn({ options }: Setup, name: string): Dataset {
  return dataset(options.pool, name);
}
