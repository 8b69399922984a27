import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';
import { seedOf } from '../../support/seed-images.ts';
import { timed } from '../measure/command.ts';
import type { Session } from '../measure/session.ts';
import { directoryFor, type Root, type ZonePeer } from './zone.ts';

export const LXD = 'LXD';

/** LXD with a daemon of its own, which knows nothing of the host's. */
export interface Lxd {
  readonly version: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly pid: number;
  readonly project: string;
  readonly zones: ZonePeer;
}

const IMAGE = 'root';

/**
 * Let LXD's own tool make instances. It says that all is well also when it is not, so they are counted.
 * @returns milliseconds
 */
export async function benchmarkLxd({ environment, project }: Lxd, what: 'init' | 'launch' | 'delete', count: number): Promise<number> {
  const { wall } = await timed({ argv: ['lxd-benchmark', what, ...(what === 'delete' ? [] : ['--count', String(count), IMAGE]), '--project', project], environment });
  const { output } = await timed({ argv: ['lxc', '--project', project, 'list', '--format', 'csv', '--columns', 's'], environment });
  const state = what === 'launch' ? 'RUNNING' : 'STOPPED';
  const there = output.split('\n').filter((line) => line === state).length;
  if (there !== (what === 'delete' ? 0 : count)) throw new Error(`lxd-benchmark ${what}: ${there} instances are ${state} instead of ${count}`);
  return wall;
}

/** Start it on btrfs, the fastest that it has without a kernel's ZFS, with the same root file system as everyone. */
export async function openLxd(session: Session, root: Root = 'minimal'): Promise<Lxd> {
  session.progress('starting LXD');
  const base = await directoryFor('lxd');
  const home = join(base, 'home');
  await mkdir(home, { recursive: true, mode: 0o711 });
  const source = await btrfs(base, session);
  // Its instances' groups are named after their project, and so are swept with the sandbox.
  const project = process.env['ZONEWRIGHT_SANDBOX_NAME'] ?? '';
  const environment = { LXD_DIR: home, LXD_CONF: base };
  const log = await open(join(base, 'log'), 'w');
  const daemon = spawn('lxd', ['--group', 'root'], { env: { ...process.env, ...environment }, stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  const ended = once(daemon, 'exit');
  session.onEnd(async () => {
    await run(['lxd', 'shutdown', '--timeout', '60'], { environment, acceptExitCodes: [0, 1], timeout: 90_000 }).catch(() => undefined);
    daemon.kill('SIGKILL');
    await ended;
  });
  await run(['lxd', 'waitready', '--timeout', '60'], { environment });
  await run(['lxd', 'init', '--preseed'], { environment, input: JSON.stringify(preseed(source, project)) });
  await importImage(base, environment, root);
  const { stdout: version } = await run(['lxd', '--version'], { environment });
  return { version: version.trim(), environment, pid: daemon.pid ?? 0, project, zones: lxdZones(environment, project) };
}

function lxdZones(environment: Readonly<Record<string, string>>, project: string): ZonePeer {
  return {
    name: LXD,
    // The address is set by LXC, as for everyone: its own way would wait for a DHCP client in the guest.
    create: async ({ name, address }) => (await timed({ argv: ['lxc', '--project', project, 'launch', IMAGE, name, '-c', `raw.lxc=lxc.net.0.ipv4.address=${address}/16`], environment })).wall,
    remove: async ({ name }) => (await timed({ argv: ['lxc', '--project', project, 'delete', '-f', name], environment })).wall,
  };
}

async function btrfs(base: string, session: Session): Promise<string> {
  const [file, mountpoint] = [join(base, 'btrfs.img'), join(base, 'btrfs')];
  await writeFile(file, '');
  await truncate(file, 16 * 1024 ** 3);
  await run(['mkfs.btrfs', '--quiet', file]);
  await mkdir(mountpoint);
  await run(['mount', '-o', 'loop', file, mountpoint]);
  // Its daemon keeps mounts of it in a namespace of its own.
  session.onEnd(() => run(['umount', '--lazy', mountpoint]));
  return join(mountpoint, 'pool');
}

function preseed(source: string, project: string): unknown {
  const devices = { root: { type: 'disk', path: '/', pool: 'default' }, eth0: { type: 'nic', nictype: 'bridged', parent: 'zwadmin', name: 'eth0' } };
  return {
    storage_pools: [{ name: 'default', driver: 'btrfs', config: { source } }],
    projects: [{ name: project, config: { 'features.images': 'false', 'features.profiles': 'false' } }],
    profiles: [{ name: 'default', devices }],
  };
}

async function importImage(base: string, environment: Readonly<Record<string, string>>, root: Root): Promise<void> {
  const seed = await seedOf(root);
  const [metadata, archive] = [join(base, 'metadata.yaml'), join(base, 'metadata.tar')];
  await writeFile(metadata, JSON.stringify({ architecture: 'x86_64', creation_date: 1 }));
  await run(['tar', '-C', base, '-cf', archive, 'metadata.yaml']);
  const rootfs = join(base, 'rootfs.tar');
  await run(['zstd', '--quiet', '-d', seed.archive, '-o', rootfs]);
  await run(['lxc', 'image', 'import', archive, rootfs, '--alias', IMAGE], { environment });
}
