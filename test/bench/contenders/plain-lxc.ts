import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';
import { seedOf } from '../../support/seed-images.ts';
import { timed } from '../measure/command.ts';
import type { Session } from '../measure/session.ts';
import { directoryFor, type Root, type ZonePeer } from './zone.ts';

export const PLAIN_LXC = 'lxc-copy, lxc-start';

/** LXC's own tools: a snapshot of a container, on overlayfs. No user namespace, which spares it work. */
export async function plainLxcZones(session: Session, image: Root): Promise<ZonePeer> {
  session.progress('preparing LXC');
  const base = await directoryFor('lxc');
  const root = join(base, 'base', 'rootfs');
  await mkdir(root, { recursive: true });
  const seed = await seedOf(image);
  await run(['tar', '--zstd', '-xf', seed.archive, '-C', root]);
  await writeFile(join(base, 'base', 'config'), configOf(root, `${process.env['ZONEWRIGHT_SANDBOX_NAME'] ?? ''}-lxc`));
  return {
    name: PLAIN_LXC,
    async create({ name, address }) {
      const copy = await timed({ argv: ['lxc-copy', '-P', base, '-n', 'base', '-N', name, '-s', '-B', 'overlayfs'] });
      const start = await timed({ argv: ['lxc-start', '-d', '-P', base, '-n', name, '-s', `lxc.net.0.ipv4.address=${address}/16`] });
      return copy.wall + start.wall;
    },
    remove: async ({ name }) => (await timed({ argv: ['lxc-destroy', '-f', '-P', base, '-n', name] })).wall,
  };
}

function configOf(root: string, cgroup: string): string {
  const lines = {
    'lxc.rootfs.path': `dir:${root}`,
    'lxc.uts.name': 'base',
    'lxc.cgroup.relative': '0',
    'lxc.cgroup.dir': cgroup,
    'lxc.mount.auto': 'proc:mixed sys:mixed cgroup:mixed',
    'lxc.autodev': '1',
    'lxc.net.0.type': 'veth',
    'lxc.net.0.link': 'zwadmin',
    'lxc.net.0.flags': 'up',
  };
  return Object.entries(lines).map(([key, value]) => `${key} = ${value}\n`).join('');
}
