import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { clearDeadMounts, isZfsDaemonUp, startZfsDaemon, zfsDaemonReady } from '../../../host/zfs/daemon.ts';
import { probeZfs } from '../../../host/zfs/features.ts';
import { run } from '../../../host/run/run.ts';
import { nodeErrors } from '../../errors.ts';
import { ready, wanting, type Setup, type SetupStep } from '../step.ts';
import { systemdRuns, ZFS_UNIT, isUnitInstalled } from '../systemd.ts';

/** A ZFS that answers: the kernel's module where there is one, else the zfs-fuse daemon. */
export const zfsStep: SetupStep = {
  name: 'zfs',
  async inspect() {
    const zfs = await probeZfs();
    if (await hasModule()) {
      if (!zfs) throw nodeErrors.NoZfs({ hint: 'The kernel has ZFS but its tools are missing: apt-get install zfsutils-linux' });
      return existsSync('/dev/zfs') ? ready(`OpenZFS ${zfs.version}`) : wanting('load the zfs module');
    }
    if (!zfs) throw nodeErrors.NoZfs();
    if (!existsSync('/dev/fuse')) throw nodeErrors.NoFuse();
    return (await isZfsDaemonUp()) ? ready(`zfs-fuse ${zfs.version}`) : wanting('start the zfs-fuse daemon');
  },
  async perform(setup) {
    if (await hasModule()) {
      await run(['modprobe', 'zfs']);
      return 'module loaded';
    }
    return startDaemon(setup);
  },
};

async function startDaemon({ options }: Setup): Promise<string> {
  await clearDeadMounts(options.mountpoint);
  if (options.units && systemdRuns() && isUnitInstalled(ZFS_UNIT)) {
    await run(['systemctl', 'start', ZFS_UNIT]);
    await zfsDaemonReady();
    return `zfs-fuse started as ${ZFS_UNIT}`;
  }
  await startZfsDaemon(join(options.runDirectory, 'zfs-fuse.pid'));
  return 'zfs-fuse started';
}

/** Whether the kernel has ZFS, loaded or not. */
export async function hasModule(): Promise<boolean> {
  if (existsSync('/dev/zfs')) return true;
  const { exitCode } = await run(['modprobe', '--dry-run', '--quiet', 'zfs'], { acceptExitCodes: [0, 1] });
  return exitCode === 0;
}
