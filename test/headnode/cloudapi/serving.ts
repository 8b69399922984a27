/** A CloudAPI that listens, over all that a head node is, with a database of its own and simulated nodes. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import bunyan from 'bunyan';
import sshpk from 'sshpk';
import { openAccounts } from '../../../headnode/accounts/accounts.ts';
import { cloudApiRoutes } from '../../../headnode/cloudapi/routes.ts';
import { newApp } from '../../../headnode/http/app.ts';
import { listen } from '../../../headnode/http/listen.ts';
import { createNetwork } from '../../../headnode/networks/networks.ts';
import type { Account, Accounts, Images, WireObject } from '../../../headnode/services.ts';
import { openHead, type Head } from '../vms/open-head.ts';

export const IMAGE = 'cf2ce8c6-3d8f-4a5b-8a51-11a14f7b0001';
/** Of a machine with hardware of its own. */
export const DISK_IMAGE = 'cf2ce8c6-3d8f-4a5b-8a51-11a14f7b0002';

export type KeyType = 'rsa' | 'ecdsa' | 'ed25519';

export interface KeyPair {
  /** As a file of `~/.ssh` has it. */
  readonly privateText: string;
  readonly publicText: string;
  readonly fingerprint: string;
  readonly key: sshpk.PrivateKey;
}

export interface Serving {
  readonly url: string;
  readonly port: number;
  readonly accounts: Accounts;
  readonly head: Head;
  /** That all may use. */
  readonly network: string;
  readonly bobsNetwork: string;
  /** The account of the tests, with a key of each type. */
  readonly alice: Account;
  readonly keys: Readonly<Record<KeyType, KeyPair>>;
  readonly bob: Account;
  readonly bobsKey: KeyPair;
  /** Let a VM be there as it is. @returns its uuid */
  put(vm: WireObject & { readonly owner_uuid: string }): Promise<string>;
  close(): Promise<void>;
}

export interface Impatience {
  readonly headSeconds?: number;
  readonly bodySeconds?: number;
}

export async function serve({ headSeconds = 10, bodySeconds = 30 }: Impatience = {}): Promise<Serving> {
  const head = await openHead({ images });
  const { database: db, packages } = head;
  const accounts = openAccounts({ db });
  const alice = await accounts.add({ login: 'alice', email: 'alice@example.com', firstName: 'Alice' });
  const bob = await accounts.add({ login: 'bob', email: 'bob@example.com' });
  const keys = { rsa: newKey('rsa'), ecdsa: newKey('ecdsa'), ed25519: newKey('ed25519') };
  for (const [name, { publicText }] of Object.entries(keys)) await accounts.addKey(alice.uuid, { name, key: publicText });
  const bobsKey = newKey('ed25519');
  await accounts.addKey(bob.uuid, { name: 'laptop', key: bobsKey.publicText });
  await packages.create({ name: 'small', max_physical_memory: 256, quota: 10_240, vcpus: 1, description: 'a small one' });
  await packages.create({ name: 'large', max_physical_memory: 1024, quota: 20_480, vcpus: 2 });
  const theirs = await createNetwork(db, { ...OTHER_NETWORK, name: 'theirs', vlan_id: 7, owner_uuids: [bob.uuid] });
  await createNetwork(db, { ...OTHER_NETWORK, name: 'admin', vlan_id: 0 });

  const app = newApp({ log: bunyan.createLogger({ name: 'test', level: bunyan.FATAL + 1 }), bodySeconds });
  // Its own address is known only when it listens, so the one it tells is another.
  cloudApiRoutes(app, { ...head, accounts, images }, { datacenter: 'here', url: () => 'https://cloudapi.example.com' });
  const listener = await listen(app, { at: { host: '127.0.0.1', port: 0 }, headSeconds });
  const port = listener.address?.port ?? 0;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    accounts,
    head,
    network: head.network,
    bobsNetwork: theirs.uuid,
    alice,
    keys,
    bob,
    bobsKey,
    async put(vm) {
      const uuid = randomUUID();
      const whole = { uuid, brand: 'joyent-minimal', state: 'running', image_uuid: IMAGE, create_timestamp: new Date().toISOString(), nics: [], ...vm };
      await db.query('INSERT INTO vms (uuid, vm, server_uuid, detailed) VALUES ($1, $2, $3, true)', [uuid, JSON.stringify(whole), head.servers.nodes[0]?.uuid]);
      return uuid;
    },
    async close() {
      await listener.close();
      await app.close();
      await head.close();
    },
  };
}

const OTHER_NETWORK = { subnet: '10.67.0.0/24', nic_tag: 'external', provision_start_ip: '10.67.0.10', provision_end_ip: '10.67.0.250' };

const ALL_IMAGES: readonly WireObject[] = [
  { uuid: IMAGE, name: 'minimal', type: 'zone-dataset', requirements: { brand: 'joyent-minimal' } },
  { uuid: DISK_IMAGE, name: 'disk', type: 'zvol', image_size: 2048, disk_driver: 'virtio', nic_driver: 'virtio', cpu_type: 'host' },
].map((image) => ({ v: 2, version: '1.0.0', os: 'linux', state: 'active', public: true, owner: '00000000-0000-0000-0000-000000000000', published_at: '2026-01-02T03:04:05.000Z', files: [{ sha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709', size: 1234, compression: 'gzip' }], ...image }));

/** Nodes fetch images, and there is no node here that does. */
const images: Images = {
  list: async ({ name, version, state }) => ALL_IMAGES.filter((image) => (name === undefined || image['name'] === name) && (version === undefined || image['version'] === version) && (state === 'all' || state === undefined || image['state'] === state)),
  get: async (uuid) => ALL_IMAGES.find((image) => image['uuid'] === uuid),
  openFile: async () => undefined,
};

export function newKey(type: KeyType): KeyPair {
  const key = type === 'rsa' ? sshpk.parsePrivateKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(), 'pem') : type === 'ecdsa' ? sshpk.generatePrivateKey('ecdsa') : sshpk.generatePrivateKey('ed25519');
  key.comment = `${type}@test`;
  const publicKey = key.toPublic();
  publicKey.comment = key.comment;
  return { key, privateText: key.toString(type === 'ed25519' ? 'ssh-private' : 'pem'), publicText: publicKey.toString('ssh'), fingerprint: key.fingerprint('md5').toString('hex') };
}
