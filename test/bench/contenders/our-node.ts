import { randomUUID } from 'node:crypto';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';
import { startAgent, type RunningAgent } from '../../support/agent.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { debianImage, minimalImage } from '../../support/seed-images.ts';
import { timed } from '../measure/command.ts';
import type { Session } from '../measure/session.ts';
import { NETMASK, type Root, type ZonePeer, type ZoneWish } from './zone.ts';

const BIN = join(import.meta.dirname, '../../../bin');

/** A node of ours with an image, an agent, and the bridge that all contenders' zones are on. */
export interface BenchNode {
  readonly node: ScratchNode;
  readonly image: string;
  readonly agent: RunningAgent;
  /** Run one of the node's commands, from the tree. */
  command(name: string, ...args: string[]): [string, ...string[]];
  /** Run `vmadm` as a user of a package or a platform does: the one executable, for work that an agent does. From the tree where none was made. */
  vmadm(...args: string[]): [string, ...string[]];
  environment(more?: Readonly<Record<string, string>>): Record<string, string>;
}

/** With the agent at work, the same from the tree, and each command for itself. */
export const OURS = 'vmadm';
export const OURS_TREE = 'vmadm, from the tree';
export const OURS_ALONE = 'vmadm, no agent';
export const WITHOUT_AGENT = { ZONEWRIGHT_AGENT: 'off' };

/** Make a node for a run, gone at its end. */
export async function benchNode(session: Session, { root = 'minimal', megabytes = 16_384 }: { readonly root?: Root; readonly megabytes?: number } = {}): Promise<BenchNode> {
  session.progress('making a node');
  const node = await scratchNode({ megabytes });
  session.onEnd(() => node.remove());
  await run(['ip', 'address', 'add', '10.78.0.1/16', 'dev', 'zwadmin'], { acceptExitCodes: [0, 2] });
  const image = root === 'minimal' ? (await minimalImage(node)).lx : await debianImage(node);
  const agent = await startAgent(node);
  session.onEnd(() => agent.stop());
  const executable = await linkedExecutable(node);
  const bench: BenchNode = {
    node,
    image,
    agent,
    command: (name, ...args) => [join(BIN, name), ...args],
    vmadm: (...args) => [executable ?? join(BIN, 'vmadm'), ...args],
    environment: (more) => ({ ZONEWRIGHT_NODE: node.configPath, ...more }),
  };
  // A part that failed half-way leaves some.
  session.onEnd(() => removeRunning(bench));
  return bench;
}

/** It answers to the name it is called by. */
async function linkedExecutable(node: ScratchNode): Promise<string | undefined> {
  const executable = process.env['ZONEWRIGHT_BENCH_EXECUTABLE'];
  if (!executable) return undefined;
  const link = join(node.runDirectory, 'vmadm');
  await symlink(executable, link);
  return link;
}

async function removeRunning(bench: BenchNode): Promise<void> {
  const { output } = await timed({ argv: bench.command('vmadm', 'list', '-H', '-o', 'uuid', 'state=running'), environment: bench.environment() });
  for (const uuid of output.split('\n').filter((line) => line !== '')) await timed({ argv: bench.command('vmadm', 'delete', uuid), environment: bench.environment() });
}

/** `vmadm create` and `vmadm delete`. */
export function ourZones(bench: BenchNode, name: string, more: Readonly<Record<string, string>> = {}): ZonePeer {
  const vmadm = (...args: string[]): [string, ...string[]] => (name === OURS ? bench.vmadm(...args) : bench.command('vmadm', ...args));
  const uuids = new Map<string, string>();
  const environment = bench.environment(more);
  return {
    name,
    async create(wish) {
      const uuid = randomUUID();
      uuids.set(wish.name, uuid);
      return (await timed({ argv: vmadm('create'), environment, input: JSON.stringify(payloadFor(bench, uuid, wish)) })).wall;
    },
    remove: async (wish) => (await timed({ argv: vmadm('delete', uuids.get(wish.name) ?? ''), environment })).wall,
  };
}

/** What `vmadm create` is given for a zone of the benchmark. */
export function payloadFor({ image }: BenchNode, uuid: string, { name, address }: ZoneWish): Record<string, unknown> {
  return {
    uuid,
    brand: 'lx',
    kernel_version: '6.1.0',
    image_uuid: image,
    alias: name,
    hostname: name,
    max_physical_memory: 128,
    quota: 1,
    nics: [{ nic_tag: 'admin', ip: address, netmask: NETMASK, primary: true }],
  };
}
