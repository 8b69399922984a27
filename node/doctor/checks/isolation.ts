import { existsSync, readFileSync } from 'node:fs';
import { readNode } from '../../../host/config/node-config.ts';
import { isErrorCode } from '../../../host/errors/errors.ts';
import { IDS_PER_RANGE } from '../../../host/idmap/ranges.ts';
import { run } from '../../../host/run/run.ts';
import { limited, missing, ok, type Answer, type Check } from '../check.ts';

const INSTALL = 'apt-get install lxc uidmap bubblewrap util-linux';

export const ISOLATION_CHECKS: readonly Check[] = [
  { name: 'user namespaces', needed: true, probe: probeUserNamespaces },
  { name: 'newuidmap', needed: true, probe: () => installed(['newuidmap', 'newgidmap'], '/usr/bin') },
  { name: 'uid ranges', needed: true, probe: probeUidRanges },
  { name: 'LXC', needed: true, probe: probeLxc },
  { name: 'jail for archives', needed: true, probe: () => installed(['bwrap', 'setpriv', 'lxc-usernsexec'], '/usr/bin') },
  { name: 'seccomp', probe: probeSeccomp },
  { name: 'AppArmor', probe: probeAppArmor },
];

/** Really makes one. */
async function probeUserNamespaces(): Promise<Answer> {
  const { exitCode, stderr } = await run(['unshare', '--user', '--map-root-user', '--', 'true'], { acceptExitCodes: [0, 1] });
  if (exitCode === 0) return ok('work');
  return missing(stderr.trim(), 'sysctl -w user.max_user_namespaces=65536');
}

async function installed(programs: readonly string[], directory: string): Promise<Answer> {
  const absent = programs.filter((program) => !existsSync(`${directory}/${program}`));
  return absent.length === 0 ? ok(programs.join(', ')) : missing(`${absent.join(', ')} not installed`, INSTALL);
}

async function probeUidRanges(): Promise<Answer> {
  try {
    const { uidRanges } = await readNode();
    const line = `root:${uidRanges.first}:${uidRanges.count * IDS_PER_RANGE}`;
    const without = ['/etc/subuid', '/etc/subgid'].filter((path) => !existsSync(path) || !readFileSync(path, 'utf8').split('\n').includes(line));
    if (without.length > 0) return missing(`${without.join(' and ')} do not give root the node's ids`, 'Run `zonewright setup`.');
    return ok(`${uidRanges.count} ranges of 65,536 ids from ${uidRanges.first}`);
  } catch (error) {
    if (isErrorCode(error, 'NodeNotReady')) return missing('none yet', 'Run `zonewright setup`.');
    throw error;
  }
}

async function probeLxc(): Promise<Answer> {
  try {
    const version = (await run(['lxc-start', '--version'])).stdout.trim();
    return Number(version.split('.')[0]) >= 5 ? ok(version) : limited(`${version} is older than 5`, 'Use Debian 12 or later.');
  } catch (error) {
    if (isErrorCode(error, 'CommandMissing')) return missing('not installed', INSTALL);
    throw error;
  }
}

async function probeSeccomp(): Promise<Answer> {
  const works = /^Seccomp_filters:/m.test(readFileSync('/proc/self/status', 'utf8')) || existsSync('/proc/sys/kernel/seccomp');
  return works ? ok('filters work') : limited('this kernel has no filters', 'Use a kernel with CONFIG_SECCOMP_FILTER.');
}

async function probeAppArmor(): Promise<Answer> {
  const enabled = existsSync('/sys/module/apparmor/parameters/enabled') && readFileSync('/sys/module/apparmor/parameters/enabled', 'utf8').startsWith('Y');
  if (!enabled) return limited('not in this kernel; zones stand on user namespaces, capabilities and seccomp', 'Boot with apparmor=1 security=apparmor.');
  return existsSync('/sbin/apparmor_parser') ? ok('enabled') : limited('in the kernel, without its tools', 'apt-get install apparmor');
}
