/** The sources that a node asks, in the order in which it asks them: `imgadm.json` beside the node's other configuration. */
import { join } from 'node:path';
import { z } from 'zod';
import type { Node } from '../../host/config/node-config.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { withLock } from '../../host/lock/lock.ts';
import { imgadmErrors } from '../errors.ts';
import { DEFAULT_SOURCE, type ImageSource } from './source.ts';

const tlsSchema = z.strictObject({ ca: z.string().optional(), cert: z.string().optional(), key: z.string().optional(), serverUri: z.string().optional() });
const sourceSchema = z.strictObject({
  type: z.literal('imgapi'),
  url: z.string().regex(/^https?:\/\//),
  insecure: z.boolean().optional(),
  channel: z.string().optional(),
  tls: tlsSchema.optional(),
});
const configSchema = z.looseObject({ sources: z.array(sourceSchema).optional() });
type Config = z.infer<typeof configSchema>;

/** The node's sources. One that was never told of any has SmartOS's. @throws ConfigError */
export async function readSources(node: Node): Promise<readonly ImageSource[]> {
  return sourcesOf(await readConfig(node));
}

/** Add a source as the last one. @returns false when it is there already, with whatever else it says. @throws ConfigError */
export async function addSource(node: Node, source: ImageSource): Promise<boolean> {
  return change(node, (sources) => (sources.some(({ url }) => url === source.url) ? undefined : [...sources, source]));
}

/**
 * Put a source first, as a node does with its head node when it joins. Another entry of its URL goes, and so do those
 * for which the node shows the same identity: that of another head node which it has left.
 * @throws ConfigError
 */
export async function preferSource(node: Node, source: ImageSource): Promise<void> {
  const cert = source.tls?.cert;
  await change(node, (sources) => [source, ...sources.filter(({ url, tls }) => url !== source.url && (cert === undefined || tls?.cert !== cert))]);
}

/** Take a source away. @returns false when it is not there. @throws ConfigError */
export async function deleteSource(node: Node, url: string): Promise<boolean> {
  return change(node, (sources) => (sources.some((one) => one.url === url) ? sources.filter((one) => one.url !== url) : undefined));
}

/** Have exactly these sources, in this order. @throws ConfigError */
export async function replaceSources(node: Node, sources: readonly ImageSource[]): Promise<void> {
  await change(node, () => sources);
}

async function change(node: Node, next: (sources: readonly ImageSource[]) => readonly ImageSource[] | undefined): Promise<boolean> {
  return withLock({ scope: node.paths.config, name: 'imgadm:sources', action: 'change of image sources' }, async () => {
    const config = await readConfig(node);
    const sources = next(sourcesOf(config));
    if (!sources) return false;
    await writeFileAtomically(configPath(node), `${JSON.stringify({ ...config, sources }, null, 2)}\n`, { durable: true });
    return true;
  });
}

function sourcesOf(config: Config): readonly ImageSource[] {
  return (config.sources as readonly ImageSource[] | undefined) ?? [DEFAULT_SOURCE];
}

async function readConfig(node: Node): Promise<Config> {
  const path = configPath(node);
  const text = await readFileIfPresent(path);
  if (text === undefined) return {};
  try {
    const result = configSchema.safeParse(JSON.parse(text));
    if (result.success) return result.data;
    throw new Error(result.error.issues.map((issue) => `${issue.path.join('.')} (${issue.message})`).join(', '));
  } catch (error) {
    throw imgadmErrors.ConfigError({ path, reason: (error as Error).message }, { cause: error });
  }
}

function configPath(node: Node): string {
  return join(node.paths.config, 'imgadm.json');
}
