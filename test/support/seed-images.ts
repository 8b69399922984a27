import { readFile } from 'node:fs/promises';
import type { Node } from '../../host/config/node-config.ts';
import { imageUuid, type ImageUuid } from '../../host/config/units.ts';
import { buildSeed, findSeed, type Seed } from '../../images/seed/build.ts';
import { installImage } from '../../imgadm/store/install.ts';

export interface MinimalImages {
  /** The uuid for brand lx. */
  readonly lx: ImageUuid;
  /** The uuid for the brands joyent and joyent-minimal. */
  readonly zone: ImageUuid;
}

/** Install the minimal seed image into a scratch node, once for each type that it comes as. */
export async function minimalImage(node: Node): Promise<MinimalImages> {
  const installed = await installSeed(node, 'minimal');
  return { lx: uuidFor(installed, 'lx-dataset'), zone: uuidFor(installed, 'zone-dataset') };
}

/** Install the Debian seed image into a scratch node. */
export async function debianImage(node: Node): Promise<ImageUuid> {
  return uuidFor(await installSeed(node, 'debian'), 'lx-dataset');
}

/** Install the Debian seed image with cloud-init into a scratch node. */
export async function debianCloudImage(node: Node): Promise<ImageUuid> {
  return uuidFor(await installSeed(node, 'debian-cloud'), 'lx-dataset');
}

/** Install the tiny machine's seed image into a scratch node: it boots in seconds, without KVM too. */
export async function tinyMachineImage(node: Node): Promise<ImageUuid> {
  return uuidFor(await installSeed(node, 'tiny-vm'), 'zvol');
}

/** Install the seed image of a Debian machine into a scratch node. */
export async function debianMachineImage(node: Node): Promise<ImageUuid> {
  return uuidFor(await installSeed(node, 'debian-vm'), 'zvol');
}

async function installSeed(node: Node, name: string): Promise<Seed> {
  const seed = await seedOf(name);
  for (const { path } of seed.manifests) await installImage(node, { manifestPath: path, filePath: seed.archive });
  return seed;
}

/** A seed. The sandbox has no network, so it must have been built before; outside it is built now. */
export async function seedOf(name: string): Promise<Seed> {
  const seed = await findSeed(name);
  if (seed) return seed;
  const routes = (await readFile('/proc/net/route', 'utf8')).split('\n').filter((line) => /^\w+\s+00000000\s/.test(line));
  if (routes.length === 0) throw new Error(`the seed image "${name}" is not in the cache and there is no network here: run images/seed/build.ts ${name} outside the sandbox first`);
  return buildSeed(name);
}

function uuidFor(seed: Seed, type: string): ImageUuid {
  const manifest = seed.manifests.find((one) => one.type === type);
  if (!manifest) throw new Error(`the seed has no manifest of type ${type}`);
  return imageUuid(manifest.uuid);
}
