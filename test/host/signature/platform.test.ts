import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { privateKeyFrom, publicKeyFrom, trustedKeys, type TrustedKey } from '../../../host/signature/keys.ts';
import { readVerifiedManifest, signManifest, verifyManifest, verifyPlatformFiles } from '../../../host/signature/platform.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const { privateKey: strangerPrivate, publicKey: strangerPublic } = generateKeyPairSync('ed25519');
const ours = publicKeyFrom(pemOf(publicKey), 'ours.pem');
const strangers = publicKeyFrom(pemOf(strangerPublic), 'strangers.pem');

const FILES = { vmlinuz: 'a kernel', initramfs: 'x'.repeat(3 * 1024 * 1024), 'packages.txt': 'zfs 2\n' };
const HEAD = { v: 1, name: 'zonewright-platform', version: '20261121T154200Z', architecture: 'x86_64', kernel: '6.12', zfs: '2.3' };
const GOOD = { ...HEAD, files: Object.fromEntries(Object.entries(FILES).map(([name, text]) => [name, factsOf(text)])) };

let scratch: string;
let image: string;
before(async () => { scratch = await mkdtemp(join(tmpdir(), 'zonewright-signature-')); });
after(() => rm(scratch, { recursive: true, force: true }));
beforeEach(async () => {
  image = await mkdtemp(join(scratch, 'image-'));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(image, name), text);
  await signAs(privateKey, GOOD);
});

test('an image with a good signature and whole files is verified, by whichever trusted key made it', async () => {
  const { manifest, key } = await verifyPlatformFiles(image, [strangers, ours]);
  assert.equal(manifest.version, '20261121T154200Z');
  assert.deepEqual(Object.keys(manifest.files), Object.keys(FILES));
  assert.equal(key.name, 'ours');
});

test('openssl verifies the signature too', async () => {
  await writeFile(join(image, 'key.pem'), pemOf(publicKey));
  const { stdout } = await run(['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', 'key.pem', '-rawin', '-in', 'manifest.json', '-sigfile', 'manifest.json.sig'], { cwd: image });
  assert.match(stdout, /Verified Successfully/);
});

test('facts that a newer version adds to a manifest do no harm', async () => {
  await signAs(privateKey, { ...GOOD, built_from: 'somewhere' });
  await verifyPlatformFiles(image, [ours]);
});

const DAMAGE: ReadonlyArray<readonly [what: string, code: string, says: RegExp, spoil: () => Promise<void>]> = [
  ['no signature', 'PlatformUnsigned', /manifest\.json\.sig is missing/, () => rm(join(image, 'manifest.json.sig'))],
  ['no manifest', 'PlatformFileMissing', /no manifest\.json$/, () => rm(join(image, 'manifest.json'))],
  ['no initramfs', 'PlatformFileMissing', /no initramfs$/, () => rm(join(image, 'initramfs'))],
  ["a stranger's signature", 'PlatformSignatureInvalid', /not signed by a key that this node trusts \(ours [0-9a-f]{16}\)/, () => signAs(strangerPrivate, GOOD)],
  ['a cut signature', 'PlatformSignatureInvalid', /manifest\.json/, () => truncate(join(image, 'manifest.json.sig'), 63)],
  ['a longer signature', 'PlatformSignatureInvalid', /manifest\.json/, () => truncate(join(image, 'manifest.json.sig'), 65)],
  ['an empty signature', 'PlatformSignatureInvalid', /manifest\.json/, () => truncate(join(image, 'manifest.json.sig'), 0)],
  ['a huge signature', 'PlatformFileDamaged', /manifest\.json\.sig .* more than any has/, () => truncate(join(image, 'manifest.json.sig'), 2 ** 40)],
  ['a huge manifest', 'PlatformFileDamaged', /manifest\.json .* more than any has/, () => truncate(join(image, 'manifest.json'), 2 ** 40)],
  ['a manifest with one byte more', 'PlatformSignatureInvalid', /manifest\.json/, () => writeFile(join(image, 'manifest.json'), `${JSON.stringify(GOOD)} `)],
  ['a cut file', 'PlatformFileDamaged', /initramfs .* it has 1000 bytes, not 3145728$/, () => truncate(join(image, 'initramfs'), 1000)],
  ['a file of another content', 'PlatformFileDamaged', /vmlinuz .* sha256/, () => writeFile(join(image, 'vmlinuz'), 'a kernem')],
  ['a link in place of a file', 'PlatformFileDamaged', /vmlinuz .* it is a link$/, () => replaceBy('vmlinuz', (path) => symlink('initramfs', path))],
  ['a directory in place of a file', 'PlatformFileDamaged', /vmlinuz .* it is not a file$/, () => replaceBy('vmlinuz', (path) => mkdir(path))],
  ['a pipe in place of a file', 'PlatformFileDamaged', /vmlinuz .* it is not a file$/, () => replaceBy('vmlinuz', async (path) => void (await run(['mkfifo', path])))],
];
for (const [what, code, says, spoil] of DAMAGE) {
  test(`${what} is refused, and named`, async () => {
    await spoil();
    await assert.rejects(verifyPlatformFiles(image, [ours]), { code, message: says });
  });
}

const fact = factsOf('x');
const BAD_MANIFESTS: ReadonlyArray<readonly [what: string, manifest: unknown]> = [
  ['a list', []],
  ['nothing', null],
  ['of another kind', { ...GOOD, name: 'something' }],
  ['of a later form', { ...GOOD, v: 2 }],
  ['for another architecture', { ...GOOD, architecture: 'aarch64' }],
  ['with a version that is a path', { ...GOOD, version: '../../etc' }],
  ['with a version that has a newline', { ...GOOD, version: '20261121T154200Z\n' }],
  ['without an initramfs', { ...GOOD, files: { vmlinuz: fact } }],
  ['that speaks of itself', { ...GOOD, files: { ...GOOD.files, 'manifest.json': fact } }],
  ['with a negative size', { ...GOOD, files: { ...GOOD.files, more: { ...fact, size: -1 } } }],
  ['with a huge size', { ...GOOD, files: { ...GOOD.files, more: { ...fact, size: 1e300 } } }],
  ['with a sum that is none', { ...GOOD, files: { ...GOOD.files, more: { ...fact, sha256: 'A'.repeat(64) } } }],
  ...['../vmlinuz', '/etc/passwd', 'a/b', '..', '.', '', '.hidden', '-rf', 'a\nb', 'a\0b', 'a b', 'x'.repeat(65)].map((name) => [
    `with a file named ${JSON.stringify(name)}`,
    { ...GOOD, files: Object.fromEntries([...Object.entries(GOOD.files), [name, fact]]) },
  ] as const),
];
for (const [what, manifest] of BAD_MANIFESTS) {
  test(`a manifest ${what} is refused although its signature is good`, () => {
    const bytes = bytesOf(manifest);
    assert.throws(() => verifyManifest(bytes, signManifest(bytes, privateKey), [ours]), { code: 'PlatformManifestInvalid' });
  });
}

test('whoever trusts no key accepts nothing', async () => {
  await assert.rejects(readVerifiedManifest(image, []), { code: 'PlatformSignatureInvalid', message: /it trusts none/ });
});

test('trusted keys are the *.pem of all directories; one that is not there has none', async () => {
  const [first, second] = [join(scratch, 'first'), join(scratch, 'second')];
  for (const directory of [first, second]) await mkdir(directory);
  await writeFile(join(first, 'a.pem'), pemOf(publicKey));
  await writeFile(join(first, 'README'), 'no key');
  await writeFile(join(second, 'b.pem'), pemOf(strangerPublic));
  const keys: TrustedKey[] = await trustedKeys([first, join(scratch, 'nowhere'), second]);
  assert.deepEqual(keys.map(({ name, id }) => [name, id]), [['a', ours.id], ['b', strangers.id]]);
});

const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const BAD_KEYS: ReadonlyArray<readonly [what: string, pem: string, reason: RegExp]> = [
  ['no PEM', 'hello', /not a key in PEM/],
  ['empty', '', /not a key in PEM/],
  ['an RSA key', pemOf(rsa.publicKey), /of type rsa, not ed25519/],
  ['a private key', secret, /it is a private key/],
];
for (const [what, pem, reason] of BAD_KEYS) {
  test(`a trusted key that is ${what} is refused, and not quoted`, () => {
    assert.throws(() => publicKeyFrom(pem, '/keys/x.pem'), (error: Error) => {
      assert.match(error.message, reason);
      assert.match(error.message, /^the key \/keys\/x\.pem /);
      assert.ok(!error.message.includes(secret.split('\n')[1] ?? ''));
      return true;
    });
  });
}

test('only a private ed25519 key signs', () => {
  assert.equal(privateKeyFrom(secret, 'x').asymmetricKeyType, 'ed25519');
  for (const pem of [pemOf(publicKey), rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'x']) assert.throws(() => privateKeyFrom(pem, 'x'), { code: 'SigningKeyInvalid' });
});

async function signAs(key: KeyObject, manifest: unknown): Promise<void> {
  const bytes = bytesOf(manifest);
  await writeFile(join(image, 'manifest.json'), bytes);
  await writeFile(join(image, 'manifest.json.sig'), signManifest(bytes, key));
  assert.deepEqual(await readFile(join(image, 'manifest.json')), Buffer.from(bytes));
}

async function replaceBy(name: string, make: (path: string) => Promise<unknown>): Promise<void> {
  const path = join(image, name);
  await rm(path);
  await make(path);
}

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function factsOf(text: string): { readonly size: number; readonly sha256: string } {
  return { size: text.length, sha256: createHash('sha256').update(text).digest('hex') };
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}
