import type { Launched } from '../../host/run/launch.ts';
import { PREFIX, type Host, type Shell } from './hosts.ts';
import { answers, until, type Head } from './head-host.ts';

/** A node of the fleet: a host with a pool of its own, and its agent. */
export interface FleetNode {
  readonly host: Shell;
  /** Where its pool is mounted. */
  readonly pool: string;
  start(): Promise<void>;
  /** End it at once: its agent, and what it runs goes on; or its power. */
  kill(): Promise<void>;
  /** `vmadm` on it: what it prints. */
  vmadm(...args: readonly string[]): Promise<string>;
  /** Names of the pool's datasets below it. */
  datasets(): Promise<readonly string[]>;
}

const POOL_GIGABYTES = '6';
const START_SECONDS = 60;

/** A node in namespaces, which does not join by itself. */
export interface HostedNode extends FleetNode {
  /** Make the host a node, and let it join. */
  join(head: Head): Promise<void>;
}

/** A node on a host; nothing is done yet. */
export function nodeOn(host: Host): HostedNode {
  const { name, directory } = host;
  let agent: Launched | undefined;
  const vmadm = async (...args: readonly string[]): Promise<string> => (await host.run(['bin/vmadm', ...args])).stdout.trim();
  return {
    host,
    pool: `${directory}/zones`,
    vmadm,
    async join(head) {
      await setUp(host);
      const token = await head.command('token', '--ttl', '10m');
      await host.run(['bin/zonewright', 'join', '-'], { input: `${token}\n` });
    },
    async start() {
      agent = await host.launch('agent', ['bin/zonewright', 'agent', '--stay']);
      await until(`the agent of ${name} answers (see ${directory}/agent.log)`, START_SECONDS, () => answers(() => vmadm('list')));
    },
    async kill() {
      await agent?.kill();
    },
    async datasets() {
      const { stdout } = await host.run(['zfs', 'list', '-H', '-r', '-o', 'name', name]);
      return stdout.trim().split('\n').slice(1).map((dataset) => dataset.slice(name.length + 1));
    },
  };
}

/** Make a host a node: a pool in a file, the admin network on its cable. */
export async function setUp({ name, directory, address, run }: Host): Promise<void> {
  // The address moves to the bridge that zones and host share.
  await run(['ip', 'address', 'flush', 'dev', 'eth0']);
  const cgroup = `${process.env['ZONEWRIGHT_SANDBOX_NAME'] ?? 'zonewright'}-${name}`;
  await run([
    ...(['bin/zonewright', 'setup', '--pool', name, '--file', `${directory}/pool.img`, '--size', POOL_GIGABYTES] as const),
    ...['--mountpoint', `${directory}/zones`, '--cgroup', cgroup, '--admin-interface', 'eth0', '--admin-address', `${address}/${PREFIX}`],
  ]);
}
