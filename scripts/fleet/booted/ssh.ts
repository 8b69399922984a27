import { open, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch, type Launched } from '../../../host/run/launch.ts';
import { run, type RunOptions } from '../../../host/run/run.ts';
import { quoted } from '../../quickstart/quoted.ts';
import { answers } from '../head-host.ts';
import type { Shell } from '../hosts.ts';
import type { BareMachine } from './machine.ts';

const OPTIONS = ['-o', 'StrictHostKeyChecking=accept-new', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=5', '-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=6', '-o', 'LogLevel=ERROR'];
/** A command does not make a connection of its own. */
const OVER_THE_KEPT_ONE = ['-o', 'ProxyCommand=false'];
const RETRY_MILLISECONDS = 5000;

/** Who logs in, and what is known of those that were logged in to. */
export interface Access {
  readonly key: string;
  readonly knownHosts: string;
}

/** A booted machine, as its operator reaches it while somebody stays connected. */
export function shellOf(machine: BareMachine, address: string, access: Access): Shell {
  const ssh = (argv: readonly string[], environment: Readonly<Record<string, string>> = {}): [string, ...string[]] => {
    const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    return ['ssh', ...optionsOf(access), ...OVER_THE_KEPT_ONE, `root@${address}`, '--', (settings.length === 0 ? argv : ['env', ...settings, ...argv]).map(quoted).join(' ')];
  };
  return {
    name: machine.name,
    address,
    argv: (argv) => ['ssh', '-t', ...ssh(argv).slice(1)] as [string, ...string[]],
    run: (argv, { environment, ...options }: RunOptions = {}) => run(ssh(argv, environment), { timeout: 600_000, ...options, environment: { HOME: '/root' } }),
    async bring(path) {
      const there = `/var/tmp/${basename(path)}`;
      await run(['scp', '-q', ...optionsOf(access), '--', path, `root@${address}:${there}`], { timeout: 600_000, environment: { HOME: '/root' } });
      return there;
    },
    cable: machine.cable,
  };
}

/** Whether somebody can log in. */
export async function letsIn({ run }: Shell): Promise<boolean> {
  return await answers(() => run(['true'], { timeout: 30_000 }));
}

/** How somebody logs in. */
export function optionsOf({ key, knownHosts }: Access): string[] {
  return ['-i', key, '-o', `UserKnownHostsFile=${knownHosts}`, '-o', `ControlPath=${key}.%h`, ...OPTIONS];
}

/** Something that runs beside the fleet until it is ended. */
export type Helper = Pick<Launched, 'kill'>;

/**
 * Keep a connection to a machine, made anew whenever it breaks, that every command goes over: the keys of a new one cost an
 * emulated processor two seconds.
 */
export async function stayConnected(address: string, access: Access, { log, forwards = [] }: { readonly log: string; readonly forwards?: readonly string[] }): Promise<Helper> {
  const argv = ['ssh', ...optionsOf(access), '-o', 'ControlMaster=yes', '-o', 'ExitOnForwardFailure=yes', '-N', ...forwards.flatMap((forward) => ['-L', forward]), `root@${address}`] as [string, ...string[]];
  const file = await open(log, 'a', 0o600);
  const connect = (): Promise<Launched> => launch(argv, { log: file.fd, environment: { HOME: '/root' } });
  let connection = await connect();
  let isOver = false;
  const kept = (async () => {
    for (;;) {
      await connection.ended;
      // A master that was killed leaves its socket, and the next one would not listen there.
      await rm(`${access.key}.${address}`, { force: true });
      if (!isOver) await sleep(RETRY_MILLISECONDS);
      if (isOver) return await file.close();
      connection = await connect();
      if (isOver) await connection.kill();
    }
  })();
  return {
    async kill() {
      isOver = true;
      await connection.kill();
      await kept;
    },
  };
}
