/**
 * Nic tags: names of physical networks, each mapped to a bridge of this node. Which there are is the node's to remember,
 * in one file in the pool; the bridges themselves go with every reboot and are made again from it.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Node } from '../config/node-config.ts';
import { hostErrors } from '../errors/host-errors.ts';
import { readFileIfPresent, writeFileAtomically } from '../files/atomic.ts';
import { withLock } from '../lock/lock.ts';
import { bridgeNameOf, ensureBridge, isBridge, removeBridge } from './bridge.ts';

export interface NicTag {
  readonly bridge: string;
  /** The host's own address on the bridge, `10.77.0.1/24`. */
  readonly address?: string;
  /** The host's interface behind the bridge; without one the network is this node's alone (an etherstub). */
  readonly uplink?: string;
  /** The bridge was there before the tag and stays when the tag goes. */
  readonly foreign?: boolean;
  /** From the node's networking.json, and gone when it is not in there any more. */
  readonly declared?: boolean;
}

export type NicTags = Readonly<Record<string, NicTag>>;

/** All nic tags of the node. */
export async function readNicTags(node: Node): Promise<NicTags> {
  const text = await readFileIfPresent(node.paths.nicTags);
  return text === undefined ? {} : (JSON.parse(text) as NicTags);
}

export async function nicTagExists(node: Node, name: string): Promise<boolean> {
  return Object.hasOwn(await readNicTags(node), name);
}

/** What a new nic tag is about. Neither an uplink nor a bridge: a network of this node's own. */
export interface NicTagOptions {
  readonly address?: string;
  readonly uplink?: string;
  /** An existing bridge to use. */
  readonly bridge?: string;
}

/** Add a nic tag and its bridge. @throws NicTagInvalid, NicTagExists, UplinkHasAddress, NotABridge */
export async function addNicTag(node: Node, name: string, options: NicTagOptions = {}): Promise<void> {
  requireTagName(name);
  await withLock(lockOf(node), async () => {
    const tags = await readNicTags(node);
    if (Object.hasOwn(tags, name)) throw hostErrors.NicTagExists({ tag: name });
    if (options.bridge !== undefined && !isBridge(options.bridge)) throw hostErrors.NotABridge({ interface: options.bridge });
    const tag = newTag(name, options);
    const wasThere = isBridge(tag.bridge);
    // Remembered first: a bridge that a crash leaves behind always belongs to a tag.
    await writeNicTags(node, { ...tags, [name]: tag });
    try {
      await ensureBridge(tag.bridge, tag);
    } catch (error) {
      if (!wasThere) await removeBridge(tag.bridge, tag.uplink);
      await writeNicTags(node, tags);
      throw error;
    }
  });
}

/** Remove a nic tag and the bridge that was made for it. @throws NicTagMissing, BridgeInUse */
export async function removeNicTag(node: Node, name: string): Promise<void> {
  await withLock(lockOf(node), async () => {
    const { [name]: tag, ...rest } = await readNicTags(node);
    if (tag === undefined) throw hostErrors.NicTagMissing({ tag: name });
    if (!tag.foreign) await removeBridge(tag.bridge, tag.uplink);
    await writeNicTags(node, rest);
  });
}

/** Make every tag's bridge, as after a reboot. @returns the names of the tags */
export async function ensureNicTagBridges(node: Node): Promise<string[]> {
  const tags = Object.entries(await readNicTags(node));
  for (const [, tag] of tags) if (!tag.foreign) await ensureBridge(tag.bridge, tag);
  return tags.map(([name]) => name);
}

/** Take over the tags of the node's networking.json: they come in the place of those of an earlier one. Tags that were added by hand stay. */
export async function declareNicTags(node: Node, declared: NicTags): Promise<void> {
  await withLock(lockOf(node), async () => {
    const before = await readNicTags(node);
    const own = Object.entries(before).filter(([, tag]) => !tag.declared);
    const tags = { ...Object.fromEntries(own), ...declared };
    if (!isDeepStrictEqual(tags, before)) await writeNicTags(node, tags);
  });
}

/** @throws NicTagInvalid */
export function requireTagName(name: string): void {
  if (!/^[A-Za-z0-9_]{1,31}$/.test(name)) {
    throw hostErrors.NicTagInvalid({ tag: JSON.stringify(name).slice(1, -1), reason: 'a name has 1 to 31 letters, digits and underscores' });
  }
}

function newTag(name: string, { address, uplink, bridge }: NicTagOptions): NicTag {
  return {
    bridge: bridge ?? bridgeNameOf(name),
    ...(address === undefined ? {} : { address }),
    ...(uplink === undefined ? {} : { uplink }),
    ...(bridge === undefined ? {} : { foreign: true }),
  };
}

async function writeNicTags(node: Node, tags: NicTags): Promise<void> {
  await writeFileAtomically(node.paths.nicTags, `${JSON.stringify(tags, null, 2)}\n`, { durable: true });
}

function lockOf(node: Node) {
  return { scope: node.paths.config, name: 'nic-tags', action: 'change of nic tags' };
}
