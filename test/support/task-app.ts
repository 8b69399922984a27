/** The agent's app with tasks on a simulated node, heard by mutual TLS; and a head node's requests to it. */
import { randomUUID } from 'node:crypto';
import { request as httpsRequest, type RequestOptions, type ServerOptions } from 'node:https';
import { newMetrics } from '../../agent/metrics/metrics.ts';
import { listenMtls, type MtlsListener } from '../../agent/listeners/mtls.ts';
import { buildApp } from '../../agent/server/app.ts';
import type { Services } from '../../agent/server/services.ts';
import { newSimulatedNode, type SimulatedNode } from '../../agent/simulated/node.ts';
import { newMemoryStore } from '../../agent/tasks/record.ts';
import { openTasks } from '../../agent/tasks/tasks.ts';
import { fleetPki, type Credentials, type FleetPki } from './fleet-pki.ts';
import { silentLog } from './task-contract.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface TaskApp {
  readonly uuid: string;
  readonly node: SimulatedNode;
  readonly pki: FleetPki;
  readonly listener: MtlsListener;
  readonly head: Credentials;
  /** Fingerprints that count as revoked. */
  readonly revoked: Set<string>;
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly body?: unknown;
  /** Instead of JSON of `body`. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the head node's certificate. */
  readonly as?: Partial<Credentials>;
  readonly more?: RequestOptions;
}

export async function taskApp(limits: ServerOptions = {}): Promise<TaskApp> {
  const [uuid, pki, log, revoked] = [randomUUID(), await fleetPki(), silentLog(), new Set<string>()];
  const node = newSimulatedNode({ uuid });
  const tasks = await openTasks({ host: node.host, store: newMemoryStore(), log });
  const app = await buildApp({ log, tasks, metrics: newMetrics(() => []) } as unknown as Services);
  const head = await pki.issue({ role: 'head' });
  const identity = await pki.identity(uuid, ['https://127.0.0.1:1']);
  const listener = await listenMtls({ identity, address: '127.0.0.1', port: 0, log, isRevoked: (fingerprint) => revoked.has(fingerprint), handle: (request, response) => app.routing(request, response), limits });
  return {
    uuid,
    node,
    pki,
    listener,
    head,
    revoked,
    ask: (method, path, { body, text, headers = {}, as = head, more = {} } = {}) =>
      new Promise((resolve, reject) => {
        const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
        const options = { host: '127.0.0.1', port: listener.port, method, path, ca: pki.authority.certificatePem, ...as, agent: false, checkServerIdentity: () => undefined, ...more };
        const sent = httpsRequest({ ...options, headers: { ...(content !== undefined && { 'content-type': 'application/json' }), ...headers } }, (response) => {
          let received = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: received === '' ? undefined : (JSON.parse(received) as unknown) }));
        });
        sent.on('error', reject);
        sent.end(content);
      }),
    async close() {
      await listener.close();
      await app.close();
    },
  };
}
