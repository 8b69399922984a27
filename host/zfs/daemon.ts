/**
 * The zfs-fuse daemon, where the kernel has no ZFS module. It is nobody's child: it outlives the command that starts it.
 * When it dies its mounts stay behind dead, so they are cleared before the next one starts.
 */
import { rm, statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError } from '../errors/errors.ts';
import { hostErrors } from '../errors/host-errors.ts';
import { makePrivateDirectory } from '../files/atomic.ts';
import { mountsBelow } from '../files/mounts.ts';
import { run } from '../run/run.ts';
import { zfsDaemonEnvironment } from './fuse-credentials/build.ts';

const SOCKET = '/var/run/zfs/zfs_socket';
const STARTUP_SECONDS = 20;

/** The daemon's arguments: no statistics file system in the host's root. */
export const ZFS_DAEMON = ['zfs-fuse', '--no-kstat-mount'] as const;

/** Whether a ZFS daemon answers. */
export function isZfsDaemonUp(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: SOCKET });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Start the daemon in the background and wait until it answers. @throws ZfsDaemonFailed */
export async function startZfsDaemon(pidFile: string): Promise<void> {
  await makePrivateDirectory(dirname(pidFile));
  await makePrivateDirectory(dirname(SOCKET));
  // It refuses to start over a pid file, also a dead daemon's.
  await rm(pidFile, { force: true });
  await run([...ZFS_DAEMON, '--pidfile', pidFile], { startsDaemon: true, timeout: STARTUP_SECONDS * 1000, environment: await zfsDaemonEnvironment() });
  await zfsDaemonReady();
}

/** Wait until the daemon answers. @throws ZfsDaemonFailed */
export async function zfsDaemonReady(): Promise<void> {
  const deadline = Date.now() + STARTUP_SECONDS * 1000;
  while (!(await isZfsDaemonUp())) {
    if (Date.now() > deadline) throw hostErrors.ZfsDaemonFailed({ seconds: STARTUP_SECONDS });
    await sleep(20);
  }
}

/** Take away mounts below a directory whose daemon is gone; nothing can use them any more. @returns how many there were */
export async function clearDeadMounts(directory: string): Promise<number> {
  const dead: string[] = [];
  for (const { mountpoint, type } of await mountsBelow(directory)) {
    if (type.startsWith('fuse') && (await isDeadMount(mountpoint))) dead.push(mountpoint);
  }
  for (const mountpoint of dead.reverse()) await run(['umount', '-l', '--', mountpoint]);
  return dead.length;
}

/** Whether a mount's daemon is gone. */
export async function isDeadMount(mountpoint: string): Promise<boolean> {
  try {
    // Attributes are cached in the kernel for an hour and outlive the daemon; free space is not.
    await statfs(mountpoint);
    return false;
  } catch (error) {
    // Below a dead mount, everything is dead.
    return isSystemError(error, 'ENOTCONN');
  }
}
