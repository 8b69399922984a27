import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { run } from '../../../host/run/run.ts';
import { probeZfs } from '../../../host/zfs/features.ts';

/** What a figure depends on besides the programs that are compared. */
export interface HostFacts {
  readonly processor: string;
  readonly processors: number;
  readonly memoryMiB: number;
  readonly kernel: string;
  readonly system: string;
  readonly zfs: string;
  readonly packages: Readonly<Record<string, string>>;
}

const PACKAGES = ['lxc', 'lxd', 'podman', 'runc', 'qemu-system-x86', 'zfs-fuse', 'zfsutils-linux'];

/** Look at this machine. */
export async function hostFacts(): Promise<HostFacts> {
  const zfs = await probeZfs();
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    processors: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 1024 ** 2),
    kernel: release(),
    system: /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown',
    zfs: zfs ? `${zfs.implementation} ${zfs.version}`.trim() : 'none',
    packages: await installedPackages(),
  };
}

async function installedPackages(): Promise<Record<string, string>> {
  const { stdout } = await run(['dpkg-query', '-W', '-f', '${Package} ${Version} ${db:Status-Abbrev}\\n', ...PACKAGES], { acceptExitCodes: [0, 1] });
  const lines = stdout.split('\n').map((line) => line.split(' '));
  return Object.fromEntries(lines.flatMap(([name = '', version = '', status = '']) => (status.startsWith('ii') ? [[name, version]] : [])));
}
