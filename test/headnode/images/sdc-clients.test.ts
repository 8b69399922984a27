/** IMGAPI through its own client, sdc-clients, as its users install it. */
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { imageServer, type ImageServer } from '../../support/image-server.ts';

type Callback = (error: (Error & { restCode?: string; statusCode?: number }) | null, result: Image, response: { statusCode: number }) => void;
type Image = Record<string, unknown> & { readonly uuid: string };
type Client = Record<string, (...args: unknown[]) => void> & { close(): void };
interface Clients {
  readonly IMGAPI: new (options: { readonly url: string; readonly agent: false }) => Client;
}

const { IMGAPI } = createRequire(join(import.meta.dirname, '../clients/package.json'))('sdc-clients') as Clients;
const OWNER = '11111111-1111-4111-8111-111111111111';

let server: ImageServer;
let remote: ImageServer;
let client: Client;
let far: Client;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sdc-clients-'));
  [server, remote] = [await imageServer(), await imageServer()];
  [client, far] = [server, remote].map(({ url }) => new IMGAPI({ url, agent: false })) as [Client, Client];
});
after(async () => {
  client.close();
  far.close();
  await server.close();
  await remote.close();
  await rm(directory, { recursive: true });
});

/** Call one of the client's functions, whose last argument is a callback. */
function call(of: Client, name: string, ...args: unknown[]): Promise<Image> {
  return new Promise((resolve, reject) => {
    const done: Callback = (error, result) => (error ? reject(error) : resolve(result));
    of[name]?.(...args, done);
  });
}

async function publish(of: Client, changes: Record<string, unknown> = {}): Promise<{ image: Image; path: string; content: Buffer }> {
  const content = randomBytes(400_000);
  const path = join(directory, randomUUID());
  await writeFile(path, content);
  const uuid = randomUUID();
  await call(of, 'adminImportImage', { v: 2, uuid, owner: OWNER, name: 'test', version: '1.0', type: 'lx-dataset', os: 'linux', public: true, ...changes });
  await call(of, 'addImageFile', { uuid, file: path, compression: 'none', sha1: createHash('sha1').update(content).digest('hex') });
  return { image: await call(of, 'activateImage', uuid), path, content };
}

test('ping answers', async () => {
  const pong = await call(client, 'ping');
  assert.deepEqual([pong['ping'], pong['imgapi']], ['pong', true]);
});

test('createImage, addImageFile, activateImage, getImage, getImageFile, deleteImage', async () => {
  const created = await call(client, 'createImage', { name: 'debian', version: '13', type: 'lx-dataset', os: 'linux', owner: OWNER });
  const { uuid } = created;
  assert.equal(created['state'], 'unactivated');
  const content = randomBytes(1_000_000);
  const path = join(directory, 'file');
  await writeFile(path, content);
  const sha1 = createHash('sha1').update(content).digest('hex');
  const [file] = (await call(client, 'addImageFile', { uuid, file: path, compression: 'gzip', sha1 }))['files'] as Array<Record<string, unknown>>;
  assert.deepEqual([file?.['sha1'], file?.['size'], file?.['compression']], [sha1, 1_000_000, 'gzip']);
  assert.equal((await call(client, 'activateImage', uuid))['state'], 'active');
  assert.equal((await call(client, 'getImage', uuid))['name'], 'debian');
  // It holds Content-MD5 against what came.
  await call(client, 'getImageFile', uuid, join(directory, 'back'));
  assert.deepEqual(await readFile(join(directory, 'back')), content);
  await call(client, 'deleteImage', uuid);
  await assert.rejects(call(client, 'getImage', uuid), (error: { restCode?: string; statusCode?: number }) => error.restCode === 'ResourceNotFound' && error.statusCode === 404);
});

test('listImages pages through all and takes filters', async () => {
  const tag = randomUUID();
  const made = [];
  for (let count = 0; count < 3; count++) made.push((await publish(client, { tags: { [tag]: 'a' } })).image.uuid);
  const list = async (filter: object): Promise<string[]> => ((await call(client, 'listImages', filter)) as unknown as Image[]).map(({ uuid }) => uuid);
  assert.deepEqual(await list({ [`tag.${tag}`]: 'a' }), made);
  assert.deepEqual(await list({ [`tag.${tag}`]: 'a', limit: 2 }), made.slice(0, 2));
  assert.deepEqual(await list({ [`tag.${tag}`]: 'a', os: 'windows' }), []);
});

test('listImages gets more images than a page has, each once', async () => {
  const { database } = remote;
  const tag = randomUUID();
  const image = { v: 2, name: 'many', version: '1', owner: OWNER, public: true, state: 'active', disabled: false, type: 'lx-dataset', os: 'linux', tags: { [tag]: 'many' }, published_at: '2024-01-01T00:00:00Z' };
  await database.query(`INSERT INTO images (uuid, manifest) SELECT id, $1::jsonb || jsonb_build_object('uuid', id) FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 2345)) ids`, [JSON.stringify(image)]);
  const found = ((await call(far, 'listImages', { [`tag.${tag}`]: 'many' })) as unknown as Image[]).map(({ uuid }) => uuid);
  assert.deepEqual([found.length, new Set(found).size], [2345, 2345]);
  await database.query(`DELETE FROM images WHERE manifest->'tags' ? $1`, [tag]);
});

test('disableImage, enableImage, updateImage and the two of the ACL', async () => {
  const { image: { uuid } } = await publish(client);
  assert.equal((await call(client, 'disableImage', uuid))['state'], 'disabled');
  assert.equal((await call(client, 'enableImage', uuid))['state'], 'active');
  assert.equal((await call(client, 'updateImage', uuid, { description: 'new' }))['description'], 'new');
  assert.deepEqual((await call(client, 'addImageAcl', uuid, [OWNER]))['acl'], [OWNER]);
  assert.deepEqual((await call(client, 'removeImageAcl', uuid, [OWNER]))['acl'], []);
});

test('an invalid image is refused with the fields that are wrong', async () => {
  const refused = call(client, 'createImage', { name: 'a b;', version: '1', type: 'floppy', os: 'linux' });
  await assert.rejects(refused, (error: { restCode?: string; body?: { errors?: Array<{ field: string }> } }) => {
    assert.equal(error.restCode, 'ValidationFailed');
    assert.deepEqual(error.body?.errors?.map(({ field }) => field).sort(), ['name', 'type']);
    return true;
  });
});

test('adminImportRemoteImage brings an image and what it stands on from another server', async () => {
  const base = await publish(far, { published_at: '2023-01-01T00:00:00Z' });
  const { image, content } = await publish(far, { origin: base.image.uuid, published_at: '2023-01-02T00:00:00Z' });
  const { job_uuid: job, image_uuid: uuid } = await call(client, 'adminImportRemoteImage', image.uuid, remote.url);
  assert.equal(uuid, image.uuid);
  assert.equal((await server.jobs.wait(String(job), 60)).execution, 'succeeded');
  for (const one of [base.image, image]) assert.deepEqual(await call(client, 'getImage', one.uuid), await call(far, 'getImage', one.uuid));
  await call(client, 'getImageFile', image.uuid, join(directory, 'imported'));
  assert.deepEqual(await readFile(join(directory, 'imported')), content);
  await assert.rejects(call(client, 'adminImportRemoteImage', image.uuid, remote.url), { restCode: 'ImageUuidAlreadyExists' });
});

test('a remote image that is not there is a job that fails and leaves no image', async () => {
  const uuid = randomUUID();
  const { job_uuid: job } = await call(client, 'adminImportRemoteImage', uuid, remote.url);
  assert.equal((await server.jobs.wait(String(job), 60)).execution, 'failed');
  await assert.rejects(call(client, 'getImage', uuid), { restCode: 'ResourceNotFound' });
});
