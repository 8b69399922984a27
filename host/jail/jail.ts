/**
 * A jail for programs that work on data nobody trusts: `tar`, decompressors, `qemu-img`.
 *
 * Two programs build it. bubblewrap, as root, makes the view: own mount, pid, network, ipc and uts namespaces in which
 * only the system's programs exist, read-only, and at most one directory to write to. lxc-usernsexec then enters a user
 * namespace that maps a single id of ours, and setpriv drops every capability that this namespace would still give. What
 * runs inside is an ordinary uid without any power, even over its own namespaces.
 */
import { IDS_PER_RANGE } from '../idmap/ranges.ts';

export interface Jail {
  /** The id (uid and gid) on the host that the program runs as and that owns what it writes. */
  readonly id: number;
  /** The one directory, file or device that it may write to, seen as `/target`. It must belong to `id`. */
  readonly writable?: string;
  /** A file that it may read, seen as `/source`. It must belong to `id` as well. */
  readonly readable?: string;
  readonly limits?: JailLimits;
}

/** What a jailed program may use up; it is killed or told when it wants more. */
export interface JailLimits {
  readonly cpuSeconds?: number;
  /** Bytes of address space. */
  readonly memory?: number;
  /** Bytes that any file may reach. */
  readonly fileSize?: number;
}

/** Where a jailed program sees what it may write to, and what it may read. */
export const JAIL_TARGET = '/target';
export const JAIL_SOURCE = '/source';

/** The command that runs `argv` in a jail, for `run()`. Everything in it dies when the process that started it dies. */
export function jailed(argv: readonly [string, ...string[]], jail: Jail): [string, ...string[]] {
  if (!Number.isInteger(jail.id) || jail.id < IDS_PER_RANGE) throw new Error(`not an id for a jail: ${jail.id}`);
  return ['bwrap', ...NAMESPACES, ...VIEW, ...placesOf(jail), '--', ...asOneId(jail.id), ...limited(jail.limits), ...argv];
}

const NAMESPACES = ['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--die-with-parent', '--new-session', '--cap-add', 'ALL', '--chdir', '/'];

/** lxc-usernsexec asks newuidmap, which reads the id ranges of root; everything else is for the dynamic linker. */
const VIEW = [
  ...['/usr', '/lib', '/lib64', '/bin', '/sbin', '/etc/passwd', '/etc/group', '/etc/subuid', '/etc/subgid', '/etc/ld.so.cache', '/etc/alternatives'].flatMap(
    (path) => ['--ro-bind-try', path, path],
  ),
  '--proc',
  '/proc',
  '--dev',
  '/dev',
];

function placesOf({ readable, writable }: Jail): string[] {
  return [
    ...(readable === undefined ? [] : ['--ro-bind', readable, JAIL_SOURCE]),
    // A volume is a device, which a plain bind would not let anybody open.
    ...(writable === undefined ? [] : [writable.startsWith('/dev/') ? '--dev-bind' : '--bind', writable, JAIL_TARGET]),
  ];
}

function asOneId(id: number): string[] {
  return ['lxc-usernsexec', '-m', `b:0:${id}:1`, '--', 'setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--'];
}

function limited(limits: JailLimits | undefined): string[] {
  if (!limits) return [];
  const { cpuSeconds, memory, fileSize } = limits;
  const bounds = Object.entries({ cpu: cpuSeconds, as: memory, fsize: fileSize }).flatMap(([name, bound]) => (bound === undefined ? [] : [`--${name}=${bound}`]));
  return ['prlimit', '--core=0', ...bounds, '--'];
}
