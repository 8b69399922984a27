/** The head and the nodes of a booted fleet, seen as those that live in namespaces are. */
import { answers, apiOn, until, type Head, type ServerStatus } from '../head-host.ts';
import type { Shell } from '../hosts.ts';
import type { FleetNode } from '../node-host.ts';
import type { BareMachine } from './machine.ts';
import { letsIn } from './ssh.ts';

const BOOT_SECONDS = 600;

/** A head on a machine; starting it is switching the machine on. */
export function headOf(machine: BareMachine, host: Shell): Head {
  const command = async (...args: readonly string[]): Promise<string> => (await host.run(['zonewright', 'head', ...args])).stdout.trim();
  return {
    host,
    command,
    async start() {
      await machine.powerOn('disk');
      await until(`the head answers (see ${machine.console})`, BOOT_SECONDS, async () => (await letsIn(host)) && (await answers(() => command('status'))));
    },
    kill: machine.cutPower,
    servers: async () => (JSON.parse(await command('status', '--json')) as { servers: ServerStatus[] }).servers,
    api: (path) => apiOn(host, path),
  };
}

/** A node of a booted fleet. */
export interface BootedNode extends FleetNode {
  /** As CNAPI knows it. */
  readonly uuid: string;
}

/** A node on a machine that boots over the network; starting it is switching the machine on. */
export function nodeOf(machine: BareMachine, host: Shell, uuid: string): BootedNode {
  const vmadm = async (...args: readonly string[]): Promise<string> => (await host.run(['vmadm', ...args])).stdout.trim();
  return {
    uuid,
    host,
    pool: '/zones',
    vmadm,
    async start() {
      await machine.powerOn('network');
      await until(`${machine.name} is up (see ${machine.console})`, BOOT_SECONDS, () => letsIn(host));
    },
    kill: machine.cutPower,
    async datasets() {
      const { stdout } = await host.run(['zfs', 'list', '-H', '-r', '-o', 'name', 'zones']);
      return stdout.trim().split('\n').slice(1).map((dataset) => dataset.slice('zones/'.length));
    },
  };
}
