import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { imageUuid } from '../../../host/config/units.ts';
import { findImage } from '../../../imgadm/index.ts';
import { ensureOriginFor } from '../../../imgadm/store/shifted.ts';
import { timed } from '../measure/command.ts';
import type { BenchNode } from './our-node.ts';
import type { ZonePeer } from './zone.ts';

export const FLOOR = 'shell: clone, veth, lxc-start';

/** What the work itself costs: a clone of the same image on the same pool, and lxc-start, from a shell script. */
export async function floorZones({ node, image: uuid }: BenchNode): Promise<ZonePeer> {
  const image = await findImage(node, imageUuid(uuid));
  if (!image) throw new Error('the node has no image');
  // A range of its own, behind those that zones of ours are given.
  const first = node.uidRanges.first + node.uidRanges.count * 65536 - 65536;
  const origin = await ensureOriginFor(node, image, first, () => undefined);
  const directory = join(node.runDirectory, 'floor');
  await mkdir(directory, { mode: 0o711 });
  const datasetOf = (name: string): string => `${node.pool}/floor-${name}`;
  return {
    name: FLOOR,
    async create({ name, address }) {
      const mountpoint = join(node.mountpoint, `floor-${name}`);
      const script = join(import.meta.dirname, 'floor-create.sh');
      return (await timed({ argv: [script, `${origin.dataset}@${origin.snapshot}`, datasetOf(name), mountpoint, directory, name, `fl${name}`, address, String(first), `${node.cgroup}-floor`] })).wall;
    },
    remove: async ({ name }) => (await timed({ argv: [join(import.meta.dirname, 'floor-delete.sh'), datasetOf(name), directory, name] })).wall,
  };
}
