/** A whole head process in the test's own process, listening on free ports of loopback, and nodes that have joined it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request as undiciRequest } from 'undici';
import type { z } from 'zod';
import { decodeJoinToken, holderName, holderUri } from '../../../agent/wire/index.ts';
import { headConfigSchema } from '../../../headnode/config.ts';
import { startHead, type RunningHead } from '../../../headnode/main.ts';
import { newPrivateKey } from '../../../host/pki/keys.ts';
import { newRequest } from '../../../host/pki/request.ts';

export interface TestHead {
  readonly directory: string;
  readonly running: RunningHead;
  /** `http://127.0.0.1:<port>` of CNAPI and the others. */
  readonly url: string;
  /** `https://127.0.0.1:<port>` of the listener for nodes. */
  readonly adminUrl: string;
  close(): Promise<void>;
}

/** Start a head. @param options.directory one that is kept; a temporary one unless given */
export async function startTestHead(options: { readonly directory?: string; readonly databaseUrl?: string; readonly database?: 'pglite' | 'postgres'; readonly config?: Partial<z.input<typeof headConfigSchema>> } = {}): Promise<TestHead> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'zonewright-head-')));
  const config = headConfigSchema.parse({
    internal: { port: 0 },
    admin: { address: '127.0.0.1', port: 0 },
    cloudapi: { port: 0 },
    log_level: 'error',
    ...(options.database ? { database: options.database } : {}),
    ...options.config,
  });
  const running = await startHead({ directory, config, databaseUrl: options.databaseUrl });
  return {
    directory,
    running,
    url: `http://127.0.0.1:${running.internal.address?.port}`,
    adminUrl: `https://127.0.0.1:${running.admin?.address?.port}`,
    async close() {
      await running.close();
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Ask one of the head's listeners. */
export async function ask(url: string, method: 'GET' | 'POST' | 'PUT' | 'DELETE', options: { readonly body?: unknown; readonly dispatcher?: Agent } = {}): Promise<Answer> {
  const { statusCode, body } = await undiciRequest(url, {
    method,
    ...(options.dispatcher ? { dispatcher: options.dispatcher } : {}),
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await body.text();
  return { status: statusCode, body: text === '' ? undefined : JSON.parse(text) };
}

export interface JoinedNode {
  readonly uuid: string;
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
  /** Say something to the head as this node. */
  say(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/** Join a head as a node of some uuid, by a token of its own. */
export async function joinTestHead(head: Pick<TestHead, 'url' | 'adminUrl'>, uuid: string = randomUUID()): Promise<JoinedNode> {
  const token = decodeJoinToken(await makeToken(head));
  const key = await newPrivateKey();
  const csr = await newRequest(key, { uri: holderUri({ role: 'node', uuid }), name: holderName({ role: 'node', uuid }) });
  const joined = await ask(`${head.adminUrl}/join`, 'POST', { body: { secret: token?.secret, uuid, csr }, dispatcher: anonymous });
  if (joined.status !== 200) throw new Error(`join: ${JSON.stringify(joined)}`);
  const { certificate, ca } = joined.body as { certificate: string; ca: string };
  return nodeWith({ uuid, key, certificate, ca, adminUrl: head.adminUrl });
}

/** A client that does not look at who the head is; for `/join` and for what must be refused. */
export const anonymous = new Agent({ connect: { rejectUnauthorized: false } });

/** Speak with some certificate. */
export function nodeWith({ uuid, key, certificate, ca, adminUrl }: { readonly uuid: string; readonly key: string; readonly certificate: string; readonly ca: string; readonly adminUrl: string }): JoinedNode {
  const dispatcher = new Agent({ connect: { ca, cert: certificate, key } });
  return {
    uuid,
    key,
    certificate,
    ca,
    say: (method, path, body) => ask(`${adminUrl}${path}`, method, { dispatcher, ...(body === undefined ? {} : { body }) }),
    close: () => dispatcher.close(),
  };
}

/** A join token, as text. */
export async function makeToken(head: Pick<TestHead, 'url'>): Promise<string> {
  return ((await ask(`${head.url}/tokens`, 'POST', { body: {} })).body as { token: string }).token;
}

/** Wait for something to become true. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 90_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What a small node says of itself. */
export function sysinfoOf(uuid: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    UUID: uuid,
    Hostname: `node-${uuid.slice(0, 4)}`,
    'Live Image': '20261101T000000Z',
    'System Type': 'Linux',
    'Boot Time': '1795000000',
    Setup: 'true',
    'CPU Total Cores': 8,
    'MiB of Memory': '16384',
    'Zpool Size in GiB': 100,
    'Admin IP': '127.0.0.1',
    ...more,
  };
}
