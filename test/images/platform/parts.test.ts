import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { part, type Part, type Workshop } from '../../../images/platform/parts.ts';
import { publicPem, signingKey } from '../../../images/platform/signing-key.ts';

const made: string[] = [];
let workshop: Workshop;
beforeEach(async () => {
  const cache = await mkdtemp(join(tmpdir(), 'zonewright-parts-'));
  made.push(cache);
  workshop = { cache, say: () => undefined };
});
after(() => Promise.all(made.map((directory) => rm(directory, { recursive: true, force: true }))));

const write = (text: string) => (directory: string) => writeFile(join(directory, 'file'), text);

test('a part is made once for the same inputs, and again for others', async () => {
  const first = await part(workshop, 'layer', ['a', 'b'], write('first'));
  const again = await part(workshop, 'layer', ['a', 'b'], () => assert.fail('it is there'));
  const other = await part(workshop, 'layer', ['ab'], write('other'));
  assert.deepEqual(again, first);
  assert.notEqual(other.key, first.key);
});

test('what a part leaves when it cannot be made is removed', async () => {
  await assert.rejects(part(workshop, 'layer', ['a'], async (directory) => { await write('half')(directory); throw new Error('no'); }), /no/);
  assert.deepEqual(await readdir(workshop.cache), []);
});

test('of each part the three that were used last are kept, and what another build may be about to read; nothing of another name is removed', async () => {
  const ago = async ({ directory }: Part, year: number): Promise<void> => utimes(directory, new Date(`${year}-01-01`), new Date(`${year}-01-01`));
  const left = async (name: string): Promise<string[]> => (await readdir(workshop.cache)).filter((entry) => entry.startsWith(`${name}-`)).sort();
  await mkdir(join(workshop.cache, 'layer-notes'));
  await ago(await part(workshop, 'root', ['0'], write('')), 2010);
  const parts: Part[] = [];
  for (const input of ['1', '2', '3', '4', '5']) parts.push(await part(workshop, 'layer', [input], write('')));
  assert.equal((await left('layer')).length, 6, 'all of them are recent');
  for (const [index, one] of parts.entries()) await ago(one, 2020 + index);
  const [oldest] = parts;
  const [used, made] = [await part(workshop, 'layer', ['1'], () => assert.fail('it is there')), await part(workshop, 'layer', ['6'], write(''))];
  assert.equal(used.key, oldest?.key);
  assert.deepEqual(await left('layer'), ['layer-notes', ...[used, made, parts[4]].map((one) => `layer-${one?.key}`)].sort());
  assert.equal((await left('root')).length, 1);
});

test('without a key of the operator one is made, for root only, and used from then on', async () => {
  const [one, other] = await Promise.all([signingKey(workshop, undefined), signingKey(workshop, undefined)]);
  assert.equal(publicPem(one), publicPem(other));
  assert.equal((await stat(join(workshop.cache, 'signing-key.pem'))).mode & 0o777, 0o600);
});

test("the operator's key is used where it is given, and refused by name where it is none", async () => {
  const path = join(workshop.cache, 'mine.pem');
  await assert.rejects(signingKey(workshop, path), { code: 'SigningKeyInvalid', message: /mine\.pem cannot be used: it does not exist/ });
  await writeFile(path, publicPem(await signingKey(workshop, undefined)));
  await assert.rejects(signingKey(workshop, path), { code: 'SigningKeyInvalid', message: /mine\.pem cannot be used: it is not a key/ });
  await writeFile(path, await readFile(join(workshop.cache, 'signing-key.pem')));
  assert.equal((await signingKey(workshop, path)).asymmetricKeyType, 'ed25519');
});
