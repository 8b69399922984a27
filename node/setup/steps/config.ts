import { isDeepStrictEqual } from 'node:util';
import { keptConfigPath, saveNodeConfig, type NodeConfig } from '../../../host/config/node-config.ts';
import { readFileIfPresent } from '../../../host/files/atomic.ts';
import { IDS_PER_RANGE } from '../../../host/idmap/ranges.ts';
import { idmappedMountsWork } from '../../../host/idmap/idmapped-mounts.ts';
import { probeZfs } from '../../../host/zfs/features.ts';
import { nodeErrors } from '../../errors.ts';
import { writePending } from '../../firstboot/pending.ts';
import { nodeOf } from '../node-of.ts';
import { ready, wanting, type Setup, type SetupStep } from '../step.ts';
import { chooseIds } from './uid-ranges.ts';

/** The node's configuration, written last: without it nothing of ours works on this host. */
export const configStep: SetupStep = {
  name: 'node',
  async inspect(setup) {
    const config = await configFor(setup);
    const kept = isDeepStrictEqual(config, setup.last) && (await isKeptInPool(setup));
    return kept ? ready(config.serverUuid) : wanting(`write ${setup.configPath}`);
  },
  async perform(setup) {
    const config = await configFor(setup);
    if (setup.options.pending !== undefined) await writePending(nodeOf(setup), setup.options.pending);
    await saveNodeConfig(config, setup.configPath);
    // A host whose root is in memory finds itself again by this one.
    await saveNodeConfig(config, keptConfigPath(nodeOf(setup).paths.config));
    return `${config.serverUuid}, in ${setup.configPath}`;
  },
};

async function isKeptInPool(setup: Setup): Promise<boolean> {
  const texts = await Promise.all([setup.configPath, keptConfigPath(nodeOf(setup).paths.config)].map(readFileIfPresent));
  return texts[0] !== undefined && texts[0] === texts[1];
}

async function configFor(setup: Setup): Promise<NodeConfig> {
  const { paths: _, ...config } = nodeOf(setup);
  const zfs = await probeZfs();
  if (!zfs) throw nodeErrors.NoZfs();
  const ids = await chooseIds(setup);
  return {
    ...config,
    zfs: { implementation: zfs.implementation, version: zfs.version },
    uidRanges: { first: ids.first, count: ids.count / IDS_PER_RANGE },
    // Zones' files on disk depend on it, so it never changes under a node that has some.
    idmappedMounts: setup.last?.idmappedMounts ?? (zfs.implementation === 'openzfs' && (await idmappedMountsWork(config.mountpoint))),
  };
}
