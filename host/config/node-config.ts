import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileIfPresent, writeFileAtomically } from '../files/atomic.ts';
import { hostErrors } from '../errors/host-errors.ts';

/**
 * What `zonewright setup` found out and decided about this node. Everything else that the node knows lies in the pool's
 * `config` dataset; this file says where the pool is.
 */
export interface NodeConfig {
  readonly version: 1;
  readonly serverUuid: string;
  readonly pool: string;
  /** Where the pool is mounted: `/zones`. */
  readonly mountpoint: string;
  /** Files that need not survive a reboot: `/run/zonewright`. */
  readonly runDirectory: string;
  /** Name of our cgroup, below that of the host's init: `zonewright`. */
  readonly cgroup: string;
  readonly zfs: {
    readonly implementation: 'openzfs' | 'zfs-fuse';
    readonly version: string;
  };
  /** The pool's vdev when it is a sparse file of ours, to import it after a reboot. */
  readonly poolFile?: string;
  /** Ids for user namespaces: `count` ranges of 65,536, from `first`. */
  readonly uidRanges: { readonly first: number; readonly count: number };
  /** Whether zones see the pool's files through an idmapped mount, so that on disk ids start at 0. */
  readonly idmappedMounts: boolean;
}

/** Paths of everything the node keeps, derived in one place. */
export interface NodePaths {
  readonly config: string;
  readonly instances: string;
  readonly images: string;
  readonly journal: string;
  readonly audit: string;
  readonly nicTags: string;
  readonly uidRanges: string;
  readonly lxc: string;
}

export interface Node extends NodeConfig {
  readonly paths: NodePaths;
}

const DEFAULT_CONFIG_PATH = '/etc/zonewright/node.json';

/** Where the node's configuration is: `ZONEWRIGHT_NODE` lets several nodes share one host, as the tests do. */
export function nodeConfigPath(): string {
  return process.env['ZONEWRIGHT_NODE'] ?? DEFAULT_CONFIG_PATH;
}

/**
 * Load this node for work on it.
 * @throws NodeNotReady before setup, and after a reboot until its pool is back; NodeConfigInvalid on a file that is not ours.
 */
export async function loadNode(path = nodeConfigPath()): Promise<Node> {
  const node = await readNode(path);
  try {
    await access(node.paths.instances);
  } catch (error) {
    throw hostErrors.NodeNotReady({ reason: `its pool ${node.pool} is not mounted at ${node.mountpoint}` }, { cause: error });
  }
  return node;
}

/** What setup decided of this node, whether its pool is there or not. @throws NodeNotReady before setup, NodeConfigInvalid */
export async function readNode(path = nodeConfigPath()): Promise<Node> {
  const text = await readFileIfPresent(path);
  if (text === undefined) throw hostErrors.NodeNotReady({ reason: `there is no ${path}` });
  const config = parseConfig(text, path);
  return { ...config, paths: pathsOf(config) };
}

/** Save the node's configuration, durably. */
export async function saveNodeConfig(config: NodeConfig, path = nodeConfigPath()): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(config, null, 2)}\n`, { durable: true, mode: 0o644 });
}

/** Where the pool keeps a copy of the node's configuration, for a host whose own files a reboot takes. @param directory the mounted `config` dataset */
export function keptConfigPath(directory: string): string {
  return join(directory, 'node.json');
}

/** Derive the paths of a node. */
export function pathsOf(config: NodeConfig): NodePaths {
  const root = join(config.mountpoint, 'config');
  return {
    config: root,
    instances: join(root, 'instances'),
    images: join(root, 'images'),
    journal: join(root, 'journal'),
    audit: join(root, 'audit.jsonl'),
    nicTags: join(root, 'nictags.json'),
    uidRanges: join(root, 'uid-ranges.json'),
    lxc: join(config.runDirectory, 'lxc'),
  };
}

function parseConfig(text: string, path: string): NodeConfig {
  let config: Partial<NodeConfig>;
  try {
    config = JSON.parse(text) as Partial<NodeConfig>;
  } catch (error) {
    throw hostErrors.NodeConfigInvalid({ path, reason: 'it is not JSON' }, { cause: error });
  }
  if (config.version !== 1) throw hostErrors.NodeConfigInvalid({ path, reason: `its version is ${String(config.version)}, not 1` });
  for (const key of ['serverUuid', 'pool', 'mountpoint', 'runDirectory', 'cgroup', 'zfs', 'uidRanges'] as const) {
    if (config[key] === undefined) throw hostErrors.NodeConfigInvalid({ path, reason: `it has no "${key}"` });
  }
  return config as NodeConfig;
}
