/** Machines that nobody knows, and the head that they ask. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { holderName, holderUri, readableFingerprint, type Sysinfo } from '../../../agent/wire/index.ts';
import { newPrivateKey } from '../../../host/pki/keys.ts';
import { newRequest, readRequest } from '../../../host/pki/request.ts';
import { enrol, type Enrolment } from '../../../node/enrol/enrol.ts';
import { anonymous, ask, nodeWith, startTestHead, sysinfoOf, type Answer, type JoinedNode, type TestHead } from '../support/head.ts';

export const HASH = '$y$j9T$abcdefghijklmnop$ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq';
export const SSH_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbqHYcOXTLHyhkQyXh2EyIqmbk1lCXeFc1TJ5mjRXSM operator@example';

/** What a machine without a pool says. */
export function strangerOf(uuid: string, more: Record<string, unknown> = {}): Sysinfo {
  return {
    ...sysinfoOf(uuid),
    Setup: 'false',
    Disks: { sda: { 'Size in GB': 500 } },
    'Network Interfaces': { eth0: { 'MAC Address': macOf(uuid), ip4addr: '', 'Link Status': 'up', 'NIC Names': ['admin'] } },
    ...more,
  } as unknown as Sysinfo;
}

export function macOf(uuid: string): string {
  return `52:54:00:${uuid.slice(0, 2)}:${uuid.slice(2, 4)}:${uuid.slice(4, 6)}`;
}

export type Asker = Awaited<ReturnType<typeof asker>>;

/** A key with all that it takes to ask. */
export async function asker(uuid: string) {
  const key = await newPrivateKey();
  const csr = await newRequest(key, { uri: holderUri({ role: 'node', uuid }), name: holderName({ role: 'node', uuid }) });
  return { key, csr, secret: randomBytes(32).toString('base64url'), fingerprint: readableFingerprint((await readRequest(csr)).fingerprint), sysinfo: strangerOf(uuid) };
}

export interface AskedHead extends TestHead {
  post(body: unknown): Promise<Answer>;
  say(asking: Pick<Asker, 'csr' | 'secret' | 'sysinfo'>): Promise<Answer>;
  approve(uuid: string, body?: object): Promise<Answer>;
  server(uuid: string): Promise<Record<string, unknown>>;
  job(uuid: string): Promise<{ execution: string; chain_results: Array<{ name: string; result: string; error: string }> }>;
  /** Who asks under a uuid, as operators see it. */
  listed(uuid: string): Promise<Array<Record<string, unknown>>>;
  /** A machine that asks until it is approved of. */
  machine(uuid: string): { readonly lines: string[]; readonly enrolled: Promise<Enrolment> };
  /** The node that an enrolment makes, as soon as it has its pool. */
  registered(enrolment: Enrolment): Promise<JoinedNode>;
}

export async function startAskedHead(options: Parameters<typeof startTestHead>[0] = {}): Promise<AskedHead> {
  const head = await startTestHead(options);
  const get = async (path: string): Promise<unknown> => (await ask(`${head.url}${path}`, 'GET')).body;
  const post: AskedHead['post'] = (body) => ask(`${head.adminUrl}/join-requests`, 'POST', { body, dispatcher: anonymous });
  return {
    ...head,
    post,
    say: ({ csr, secret, sysinfo }) => post({ csr, secret, sysinfo }),
    approve: (uuid, body = {}) => ask(`${head.url}/servers/${uuid}/setup`, 'PUT', { body }),
    server: async (uuid) => (await get(`/servers/${uuid}`)) as Record<string, unknown>,
    job: async (uuid) => (await get(`/jobs/${uuid}`)) as Awaited<ReturnType<AskedHead['job']>>,
    listed: async (uuid) => ((await get('/join-requests')) as Array<Record<string, unknown>>).filter((one) => one['uuid'] === uuid),
    machine(uuid) {
      const lines: string[] = [];
      const enrolled = enrol({ head: { heads: [head.adminUrl], ca_sha256: head.running.head.pki.caFingerprint }, report: (line) => void lines.push(line), sysinfo: async () => strangerOf(uuid), retryMilliseconds: 50 });
      enrolled.catch(() => undefined);
      return { lines, enrolled };
    },
    async registered({ identity, uuid }) {
      const node = nodeWith({ ...identity, adminUrl: head.adminUrl });
      assert.equal((await node.say('POST', `/servers/${uuid}/sysinfo`, { sysinfo: { ...strangerOf(uuid), Setup: 'true' } })).status, 200);
      assert.ok((await node.say('POST', `/servers/${uuid}/events/heartbeat`, {})).status < 300);
      return node;
    },
  };
}

export function codeOf({ status, body }: Answer): [status: number, code: string | undefined] {
  return [status, (body as { code?: string } | undefined)?.code];
}

export function stateOf({ body }: Answer): string | undefined {
  return (body as { state?: string }).state;
}
