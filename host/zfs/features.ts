import { run } from '../run/run.ts';
import { isErrorCode } from '../errors/errors.ts';

/** Which ZFS the host has, and what it can do that the other cannot. */
export interface ZfsFeatures {
  readonly implementation: 'openzfs' | 'zfs-fuse';
  readonly version: string;
  /** `receive -u -o -x`: receive without mounting, with pinned properties. */
  readonly receiveUnmounted: boolean;
  /** Volumes as block devices. */
  readonly volumes: boolean;
}

/** Ask the installed ZFS once; undefined when there is none. */
export async function probeZfs(): Promise<ZfsFeatures | undefined> {
  try {
    // zfs-fuse has no `version` and answers with its usage, exit code 2.
    const { stdout, exitCode } = await run(['zfs', 'version'], { acceptExitCodes: [0, 1, 2] });
    if (exitCode === 0) return featuresOf('openzfs', /zfs-(\S+)/.exec(stdout)?.[1] ?? 'unknown');
    return featuresOf('zfs-fuse', await packagedVersion());
  } catch (error) {
    if (isErrorCode(error, 'CommandMissing')) return undefined;
    throw error;
  }
}

/** The features that go with an implementation, for a node that already knows which one it has. */
export function featuresOf(implementation: ZfsFeatures['implementation'], version: string): ZfsFeatures {
  const open = implementation === 'openzfs';
  return { implementation, version, receiveUnmounted: open, volumes: open };
}

async function packagedVersion(): Promise<string> {
  const { stdout } = await run(['dpkg-query', '-W', '-f', '${Version}', 'zfs-fuse'], { acceptExitCodes: [0, 1] });
  return stdout.trim() || 'unknown';
}
