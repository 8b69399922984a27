import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';
import { seedOf } from '../../support/seed-images.ts';
import { timed } from '../measure/command.ts';
import type { Session } from '../measure/session.ts';
import { directoryFor, type Root, type ZonePeer, type ZoneWish } from './zone.ts';

export const PODMAN = 'podman';

/** podman as root, with storage and a network of its own. Its containers share the host's ids, which spares it work. */
export async function podmanZones(session: Session, root: Root): Promise<ZonePeer> {
  session.progress('preparing podman');
  const base = await directoryFor('podman');
  const common = ['podman', '--root', join(base, 'storage'), '--runroot', join(base, 'run'), '--tmpdir', join(base, 'tmp'), '--cgroup-manager', 'cgroupfs', '--runtime', 'runc', '--events-backend', 'none'] as const;
  const seed = await seedOf(root);
  const rootfs = join(base, 'rootfs.tar');
  await run(['zstd', '--quiet', '-d', seed.archive, '-o', rootfs]);
  await run([...common, 'import', rootfs, 'root']);
  await run([...common, 'network', 'create', '--subnet', '10.79.0.0/16', 'bench']);
  session.onEnd(() => run([...common, 'network', 'rm', '--force', 'bench']));
  const where = ['--network', 'bench', '--cgroup-parent', `/${process.env['ZONEWRIGHT_SANDBOX_NAME'] ?? ''}-podman`];
  // A network of its own, which podman puts rules on.
  const addressOf = ({ address }: ZoneWish): string => address.replace('10.78.', '10.79.');
  return {
    name: PODMAN,
    addressOf,
    create: async (wish) => (await timed({ argv: [...common, 'run', '-d', '--name', wish.name, ...where, '--ip', addressOf(wish), 'localhost/root', '/sbin/init'] })).wall,
    remove: async ({ name }) => (await timed({ argv: [...common, 'rm', '-f', '-t', '0', name] })).wall,
  };
}
