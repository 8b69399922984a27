import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readNode } from '../../host/config/node-config.ts';
import { PLATFORM_FILE } from '../../host/config/platform.ts';
import { mountsBelow } from '../../host/files/mounts.ts';
import { storesOf } from './datasets.ts';
import { etcLayers } from './etc.ts';
import { layerChanges, type Change } from './layer-changes.ts';
import { SYSTEM_DIRECTORY } from './mount-persistent.ts';

/** What lies under the layer in memory, nearest first. */
const IMAGE = ['layer/own', 'image/zonewright', 'image/platform'].map((layer) => join(SYSTEM_DIRECTORY, layer));
const IN_MEMORY = join(SYSTEM_DIRECTORY, 'layer/upper');

/** What every boot makes anew. */
const MADE_AT_BOOT = ['/system', '/etc/machine-id'];

/**
 * Files in memory that a reboot takes: those of the root that differ from the image's and lie where nothing of the pool is
 * mounted.
 * @returns undefined on a host whose root is on a disk
 */
export async function lostAtReboot(): Promise<Change[] | undefined> {
  if (!existsSync(PLATFORM_FILE)) return undefined;
  const covered = (await mountsBelow('/')).map(({ mountpoint }) => mountpoint).filter((path) => path !== '/');
  return layerChanges({ upper: IN_MEMORY, lower: IMAGE, at: '/', except: [...MADE_AT_BOOT, ...covered] });
}

/**
 * Files below /etc that are kept because they differ from the image's, and hide those of any newer image.
 * @returns undefined where /etc is no such layer
 */
export async function keptInEtc(): Promise<Change[] | undefined> {
  if (!(await mountsBelow('/etc')).some(({ mountpoint, type }) => mountpoint === '/etc' && type === 'overlay')) return undefined;
  const { upper } = etcLayers(storesOf(await readNode()).etc);
  return layerChanges({ upper, lower: IMAGE.map((layer) => join(layer, 'etc')), at: '/etc' });
}
