import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { readNode } from '../../../host/config/node-config.ts';
import { ZonewrightError } from '../../../host/errors/errors.ts';
import { limited, missing, ok, type Check } from '../check.ts';

/** What setting up and running zones takes, by number (capability.h). */
const CAPABILITIES: ReadonlyArray<readonly [number, string]> = [
  [0, 'chown'],
  [1, 'dac_override'],
  [3, 'fowner'],
  [6, 'setgid'],
  [7, 'setuid'],
  [12, 'net_admin'],
  [18, 'sys_chroot'],
  [21, 'sys_admin'],
  [27, 'mknod'],
  [31, 'setfcap'],
];
const SYS_RESOURCE = 24;

export const SYSTEM_CHECKS: readonly Check[] = [
  { name: 'host', probe: () => Promise.resolve(ok(`${distribution()}, Linux ${release()}`)) },
  {
    name: 'root',
    needed: true,
    async probe() {
      return process.getuid?.() === 0 ? ok('running as root') : missing(`running as uid ${process.getuid?.() ?? 'unknown'}`, 'Run as root.');
    },
  },
  {
    name: 'capabilities',
    needed: true,
    async probe() {
      const absent = CAPABILITIES.filter(([number]) => !hasCapability(number)).map(([, name]) => name);
      if (absent.length > 0) return missing(`without ${absent.join(', ')}`, 'Run on the host itself, or in a container that has all capabilities.');
      if (hasCapability(SYS_RESOURCE)) return ok('all that zones need');
      return limited('without sys_resource: max_locked_memory cannot be raised above this process’s own limit', 'Start this shell, or the container that it is in, with CAP_SYS_RESOURCE.');
    },
  },
  {
    name: 'systemd',
    async probe() {
      if (existsSync('/run/systemd/system')) return ok('brings the node back after a reboot');
      return limited('not the init of this host', 'Run `zonewright setup` after each reboot.');
    },
  },
  {
    name: 'node',
    async probe() {
      try {
        const node = await readNode();
        return ok(`${node.serverUuid}, pool ${node.pool}`);
      } catch (error) {
        if (error instanceof ZonewrightError) return limited(error.message, 'Run `zonewright setup`.');
        throw error;
      }
    },
  },
];

function hasCapability(number: number): boolean {
  const effective = /^CapEff:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 1n;
}

function distribution(): string {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1] ?? 'an unknown distribution';
}
