import { existsSync } from 'node:fs';
import { dataset } from '../../../host/config/units.ts';
import { readNode, type Node } from '../../../host/config/node-config.ts';
import { isErrorCode } from '../../../host/errors/errors.ts';
import { isZfsDaemonUp } from '../../../host/zfs/daemon.ts';
import { probeZfs } from '../../../host/zfs/features.ts';
import { findPool } from '../../../host/zfs/pool.ts';
import { availableBytes } from '../../../host/zfs/zfs.ts';
import { idmappedMountsWork } from '../../../host/idmap/idmapped-mounts.ts';
import { limited, missing, ok, type Answer, type Check } from '../check.ts';

const MODULE_REMEDY = 'Install OpenZFS as a kernel module: zfs-dkms and linux-headers from Debian’s contrib section.';
const INSTALL = 'apt-get install zfsutils-linux where the kernel has the module, else zfs-fuse';
const GIB = 1024 ** 3;

export const STORAGE_CHECKS: readonly Check[] = [
  { name: 'ZFS', needed: true, probe: probeImplementation },
  { name: 'ZFS volumes', probe: () => feature('volumes', 'as block devices', 'none: disks of machines will be files, and there is no swap volume') },
  { name: 'ZFS receive -u', probe: () => feature('receiveUnmounted', 'streams are received unmounted with pinned properties', 'no: properties are pinned right after receiving') },
  { name: 'FUSE', probe: probeFuse },
  { name: 'idmapped mounts', probe: probeIdmaps },
  { name: 'pool', needed: true, probe: () => withNode(probePool) },
];

async function probeImplementation(): Promise<Answer> {
  const zfs = await probeZfs();
  if (!zfs) return missing('not installed', INSTALL);
  if (zfs.implementation === 'openzfs') return existsSync('/dev/zfs') ? ok(`OpenZFS ${zfs.version}`) : missing(`OpenZFS ${zfs.version}, module not loaded`, 'Run `zonewright setup`.');
  if (!(await isZfsDaemonUp())) return missing(`zfs-fuse ${zfs.version}, daemon not running`, 'Run `zonewright setup`.');
  return limited(`zfs-fuse ${zfs.version}: slower than a kernel module`, MODULE_REMEDY);
}

async function feature(name: 'volumes' | 'receiveUnmounted', having: string, lacking: string): Promise<Answer> {
  const zfs = await probeZfs();
  if (!zfs) return missing('no ZFS', INSTALL);
  return zfs[name] ? ok(having) : limited(lacking, MODULE_REMEDY);
}

async function probeFuse(): Promise<Answer> {
  if (existsSync('/dev/fuse')) return ok('/dev/fuse');
  return existsSync('/dev/zfs') ? ok('not there, and not needed beside the ZFS module') : missing('no /dev/fuse', 'Load the fuse module: modprobe fuse');
}

async function probeIdmaps(): Promise<Answer> {
  const remedy = 'Use OpenZFS 2.2 or later and util-linux 2.39 or later (Debian 13).';
  const without = 'no: each owner gets a shifted copy of an image, made once';
  try {
    const { mountpoint, idmappedMounts } = await readNode();
    if (idmappedMounts) return ok('zones see the pool through one');
    return (await idmappedMountsWork(mountpoint)) ? ok('possible; this node was set up without') : limited(without, remedy);
  } catch (error) {
    if (isErrorCode(error, 'NodeNotReady')) return limited('not known before `zonewright setup`', remedy);
    throw error;
  }
}

async function probePool(node: Node): Promise<Answer> {
  const pool = await findPool(node.pool);
  if (!pool) return missing(`${node.pool} is not there`, 'Run `zonewright setup`.');
  const free = (await availableBytes(dataset(node.pool))) / GIB;
  const fact = `${node.pool}: ${pool.health}, ${free.toFixed(1)} GiB free of ${pool.size}`;
  if (pool.health !== 'ONLINE') return limited(fact, `Look at \`zpool status ${node.pool}\`.`);
  return free < 1 ? limited(fact, 'Delete images or instances that nobody needs, or add a disk to the pool.') : ok(fact);
}

async function withNode(probe: (node: Node) => Promise<Answer>): Promise<Answer> {
  try {
    return await probe(await readNode());
  } catch (error) {
    if (isErrorCode(error, 'NodeNotReady')) return missing('none yet', 'Run `zonewright setup`.');
    if (isErrorCode(error, 'CommandFailed')) return missing('ZFS does not answer', 'Run `zonewright setup`.');
    throw error;
  }
}
