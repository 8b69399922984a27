/**
 * The root of a host to install the package on: Debian of this host's release with systemd, and in apt's cache whatever the
 * package depends on, since the sandbox has no network. Made once and kept.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';
import { part } from '../../../images/platform/parts.ts';
import { PRIVATELY } from '../../../images/privately.ts';
import { hostSources } from '../../../images/seed/recipe.ts';
import { DEPENDS } from '../../../packaging/relations.ts';

export const PACKAGING_CACHE = '/var/cache/zonewright/packaging';
const PACKAGES = ['bash-completion', 'dbus', 'fuse', 'groff-base', 'libnss-myhostname', 'man-db', 'systemd', 'systemd-sysv', 'udev'];

/** Debian's script gives up where it cannot raise limits, as in a container. */
const ZFS_UNIT = `[Service]
Type=exec
RemainAfterExit=no
ExecStart=
ExecStart=/usr/sbin/zfs-fuse --no-daemon
ExecStop=
KillMode=control-group
`;

/** A directory that nobody may write to; a guest lays its own over it. */
export async function guestRoot(say: (line: string) => void = () => undefined): Promise<string> {
  const { suite, files } = hostSources();
  const wanted = DEPENDS.flatMap((one) => one.split(' | ').at(-1)?.split(' ')[0] ?? []);
  const { directory } = await part({ cache: PACKAGING_CACHE, say }, 'guest', [suite, ...PACKAGES, ...wanted, ZFS_UNIT], async (work) => {
    const root = join(work, 'root');
    const fetch = `chroot "$1" apt-get install --yes --no-install-recommends --download-only ${wanted.join(' ')}`;
    await run(
      [...PRIVATELY, 'mmdebstrap', '--mode=root', '--variant=minbase', '--format=directory', `--include=${PACKAGES.join(',')}`, '--skip=cleanup/apt', '--skip=output/dev', `--customize-hook=${fetch}`, suite, root, ...files],
      { environment: { TMPDIR: work }, onStderrLine: (line) => /^E:|error/i.test(line) && say(line) },
    );
    await writeFile(join(root, 'etc/apt/apt.conf.d/90guest'), 'APT::Sandbox::User "root";\n');
    const unit = join(root, 'etc/systemd/system/zfs-fuse.service.d');
    await mkdir(unit);
    await writeFile(join(unit, 'guest.conf'), ZFS_UNIT);
  });
  return join(directory, 'root');
}
