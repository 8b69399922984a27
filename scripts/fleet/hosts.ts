/** The hosts of a fleet on one machine: what `make-hosts.sh` made, as its users see it. */
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { launch, type Launched } from '../../host/run/launch.ts';
import { run, type RunOptions, type RunResult } from '../../host/run/run.ts';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');

/** A host as somebody with a shell on it, and a hand on its cable, has it. */
export interface Shell {
  readonly name: string;
  readonly address: string;
  /** The command, from outside, that runs a program on the host. */
  argv(argv: readonly [string, ...string[]]): [string, ...string[]];
  /** Run a program on the host to its end. */
  run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<RunResult>;
  /** Bring a file onto the host. @returns its path there */
  bring(path: string): Promise<string>;
  /** Pull the host's network cable, or put it in again. */
  cable(state: 'in' | 'out'): Promise<void>;
}

/** A host in namespaces of this machine. */
export interface Host extends Shell {
  /** What is this host's own: its disk, its data, its logs. */
  readonly directory: string;
  /** Start a daemon on the host; what it prints goes to `<directory>/<log>.log`. */
  launch(log: string, argv: readonly [string, ...string[]], environment?: Readonly<Record<string, string>>): Promise<Launched>;
}

export const PREFIX = 24;
export const SUBNET = '10.99.0.0/24';

/** Make the hosts. They end with the sandbox. @param names the first one gets the lowest address */
export async function makeHosts(sandbox: string, names: readonly string[]): Promise<Host[]> {
  const fleet = join(sandbox, 'fleet');
  const hosts = names.map((name, index) => hostOf(join(fleet, name), name, `10.99.0.${index + 2}`));
  await run([join(HERE, 'make-hosts.sh'), fleet, ...hosts.map(({ name, address }) => `${name}=${address}/${PREFIX}`)], { environment: environment(), timeout: 60_000 });
  for (const { directory } of hosts) await mkdir(directory, { recursive: true });
  return hosts;
}

function hostOf(directory: string, name: string, address: string): Host {
  const on = (argv: readonly [string, ...string[]]): [string, ...string[]] => [join(HERE, 'on-host.sh'), ROOT, name, ...argv];
  return {
    name,
    address,
    directory,
    argv: on,
    run: (argv, options = {}) => run(on(argv), { timeout: 300_000, ...options, environment: { ...environment(), ...options.environment } }),
    async launch(log, argv, more = {}) {
      const file = await open(join(directory, `${log}.log`), 'a', 0o600);
      try {
        return await launch(on(argv), { log: file.fd, environment: { ...environment(), ...more } });
      } finally {
        await file.close();
      }
    },
    // It has the same files.
    bring: async (path) => path,
    cable: async (state) => void (await run(['ip', 'link', 'set', 'dev', `cable-${name}`, state === 'in' ? 'up' : 'down'])),
  };
}

function environment(): Record<string, string> {
  return { HOME: '/root', ZONEWRIGHT_SANDBOX: process.env['ZONEWRIGHT_SANDBOX'] ?? '', ZONEWRIGHT_SANDBOX_NAME: process.env['ZONEWRIGHT_SANDBOX_NAME'] ?? '' };
}
