/**
 * The jail of a machine. bubblewrap makes it as root: own mount, pid, ipc, uts and network namespaces, with the system's
 * programs read-only and of the host's other files only what is named here. QEMU then runs in it as a uid of the machine's
 * own, without any capability.
 */
import { hostErrors } from '../errors/host-errors.ts';

/** Something of the host that the machine sees, by the path it has inside. */
export interface JailedFile {
  readonly source: string;
  readonly target: string;
  readonly access: 'read' | 'write' | 'device';
}

export interface MachineJail {
  /** uid and gid of the machine. */
  readonly id: number;
  /** Further groups, for devices that a group may use. */
  readonly groups: readonly number[];
  readonly files: readonly JailedFile[];
  /** Descriptor that bubblewrap writes the exit status to. */
  readonly statusDescriptor: number;
}

/** The command that runs `argv` in a machine's jail. @throws UnsafePath */
export function machineJailed(argv: readonly string[], jail: MachineJail): [string, ...string[]] {
  return ['bwrap', ...NAMESPACES, ...SYSTEM, ...jail.files.flatMap(bindOf), '--json-status-fd', String(jail.statusDescriptor), '--', ...identityOf(jail), ...argv];
}

const NAMESPACES = [
  ...['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', '--as-pid-1', '--new-session'],
  // Only to become the machine's uid; setpriv drops them on the way.
  ...['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP'].flatMap((capability) => ['--cap-add', capability]),
];

const SYSTEM = [
  ...['/usr', '/lib', '/lib64', '/bin', '/sbin', '/etc/ld.so.cache', '/etc/alternatives'].flatMap((path) => ['--ro-bind-try', path, path]),
  ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--chdir', '/'],
  // Made beforehand: what bubblewrap makes by itself above a file is closed to all but root.
  ...['/machine', '/disks'].flatMap((path) => ['--perms', '0755', '--dir', path]),
];

function bindOf({ source, target, access }: JailedFile): string[] {
  for (const path of [source, target]) {
    if (!path.startsWith('/') || path.split('/').includes('..')) throw hostErrors.UnsafePath({ path, reason: 'a machine sees absolute paths only' });
  }
  return [{ read: '--ro-bind', write: '--bind', device: '--dev-bind' }[access], source, target];
}

function identityOf({ id, groups }: MachineJail): string[] {
  const supplementary = groups.length === 0 ? ['--clear-groups'] : [`--groups=${groups.join(',')}`];
  return ['setpriv', `--reuid=${id}`, `--regid=${id}`, ...supplementary, '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--'];
}
