/** Who does not prove to be an account gets nothing, and learns nothing of accounts and keys. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { serve, type Serving } from './serving.ts';
import { plain, send, type Answer, type SignedRequest } from './signing.ts';

let serving: Serving;

before(async () => {
  serving = await serve();
});

after(async () => await serving.close());

/** A request of alice's that is right, but for what is given. */
async function ask(wrong: Partial<SignedRequest> = {}): Promise<Answer> {
  const key = serving.keys.ed25519;
  return await send(serving.url, { path: '/alice', key, keyId: `/alice/keys/${key.fingerprint}`, ...wrong });
}

const NOT_RIGHT = { code: 'InvalidCredentials', message: 'the account, its key or the signature is not right' };

test('a signature by each type of key is taken, with the date alone or with the request too, and by the key\'s name', async () => {
  for (const [name, key] of Object.entries(serving.keys)) {
    for (const signed of [['date'], ['(request-target)', 'date'], ['date', '(request-target)']]) {
      for (const keyName of [key.fingerprint, name]) assert.equal((await ask({ key, keyId: `/alice/keys/${keyName}`, signed })).status, 200, `${name} ${signed.join()} ${keyName}`);
    }
  }
});

test('the account is also found by uuid and as my', async () => {
  for (const path of ['/alice', '/ALICE', '/my', `/${serving.alice.uuid}`]) assert.equal((await ask({ path })).json['id'], serving.alice.uuid, path);
});

test('whether the account, the key or the signature is wrong, the answer is the same', async () => {
  const { ed25519, rsa } = serving.keys;
  const answers = {
    'a changed signature': await ask({ spoil: (signature) => `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}` }),
    'bytes that are no signature': await ask({ spoil: () => 'AAAA' }),
    'no base64 at all': await ask({ spoil: () => '%%%' }),
    'a signature by another key': await ask({ key: serving.bobsKey }),
    'a key of another account': await ask({ key: serving.bobsKey, keyId: `/alice/keys/${serving.bobsKey.fingerprint}` }),
    'an unknown key': await ask({ keyId: '/alice/keys/00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff' }),
    'an unknown account': await ask({ keyId: `/nobody/keys/${ed25519.fingerprint}` }),
    'an unknown account and its path': await ask({ path: '/nobody', keyId: `/nobody/keys/${ed25519.fingerprint}` }),
    'the algorithm of another type of key': await ask({ key: rsa, keyId: '/alice/keys/rsa', algorithm: 'ecdsa-sha256' }),
    'another request\'s signature': await ask({ path: '/alice/machines', signedPath: '/alice/keys' }),
    'another method\'s signature': await plain(serving.url, { path: '/alice/keys/rsa', method: 'DELETE', headers: { date: new Date().toUTCString(), authorization: `Signature keyId="/alice/keys/rsa",algorithm="rsa-sha256",headers="(request-target) date",signature="AAAA"` } }),
  };
  for (const [what, { status, json }] of Object.entries(answers)) assert.deepEqual([what, status, json], [what, 401, NOT_RIGHT]);
  assert.ok(await serving.accounts.key(serving.alice.uuid, 'rsa'));
});

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toUTCString();

const UNREADABLE: ReadonlyArray<readonly [what: string, wrong: Partial<SignedRequest>, reason: RegExp]> = [
  ['a date that is an hour old', { date: ago(3600) }, /\d seconds behind this server's clock; 300 are allowed/],
  ['a date that is an hour ahead', { date: ago(-3600) }, /\d seconds ahead of this server's clock/],
  ['a date that is none', { date: 'never' }, /a Date header is needed/],
  ['a date that is not signed', { signed: ['(request-target)'] }, /signed date/],
  ['SHA-1', { algorithm: 'rsa-sha1' }, /rsa-sha256/],
  ['DSA', { algorithm: 'dsa-sha256' }, /rsa-sha256/],
  ['a shared secret', { algorithm: 'hmac-sha256' }, /rsa-sha256/],
  ['no algorithm', { algorithm: 'none' }, /rsa-sha256/],
  ['another scheme', { authorization: 'Bearer abc' }, /not one of HTTP Signature/],
  ['an empty header', { authorization: 'Signature ' }, /not one of HTTP Signature/],
  ['a header that is cut off', { authorization: 'Signature keyId="/alice/keys/' }, /not one of HTTP Signature/],
  ['a number for the headers', { authorization: 'Signature keyId="/alice/keys/x",algorithm="rsa-sha256",headers=5,signature="AAAA"' }, /not one of HTTP Signature/],
  ['a signed header that is not there', { authorization: 'Signature keyId="/alice/keys/x",algorithm="rsa-sha256",headers="date digest",signature="AAAA"' }, /not one of HTTP Signature/],
  ['a keyId that is a name', { keyId: 'alice' }, /keyId must be/],
  ['a keyId with a part too many', { keyId: '/alice/keys/a/b' }, /keyId must be/],
  ['a keyId with an empty account', { keyId: '//keys/a' }, /keyId must be/],
  ['a keyId that cannot be decoded', { keyId: '/%zz/keys/a' }, /keyId must be/],
];

for (const [what, wrong, reason] of UNREADABLE) {
  test(`${what} is refused, and the answer says what is wrong`, async () => {
    const { status, json } = await ask(wrong);
    assert.deepEqual([status, json.code], [401, 'InvalidCredentials']);
    assert.match(String(json.message), reason);
  });
}

test('without a signature there is nothing but a ping', async () => {
  assert.deepEqual((await plain(serving.url, { path: '/--ping' })).json['ping'], 'pong');
  for (const path of ['/alice', '/my/machines', '/nobody', '/alice/nonesuch', '/']) {
    const { status, json } = await plain(serving.url, { path, headers: { date: new Date().toUTCString() } });
    assert.deepEqual([path, status, json.code], [path, 401, 'InvalidCredentials']);
  }
});

test('the account of another is as one that is not there', async () => {
  const [others, absent] = [await ask({ path: '/bob/machines' }), await ask({ path: '/nix/machines' })];
  assert.deepEqual([others.status, others.json.code], [404, 'ResourceNotFound']);
  assert.equal(others.text.replaceAll('bob', 'nix'), absent.text);
  assert.equal(others.status, absent.status);
});

test('sub-users and roles are refused as what they are', async () => {
  const subUser = await ask({ keyId: '/alice/users/tom/keys/a' });
  assert.deepEqual([subUser.status, subUser.json.code], [403, 'NotAuthorized']);
  assert.match(String(subUser.json.message), /sub-users/);
  const role = await ask({ path: '/alice?as-role=admin' });
  assert.deepEqual([role.status, role.json.code], [403, 'NotAuthorized']);
});

test('the newest version that a client takes is chosen, and one that is not there is refused', async () => {
  for (const [asked, chosen] of [['~9||~8', '9.0.0'], ['~7.2', '7.2.0'], ['8', '8.0.0'], ['*', '9.0.0']]) {
    assert.equal((await ask({ headers: { 'accept-version': asked ?? '' } })).headers.get('api-version'), chosen);
  }
  for (const asked of ['~42', 'newest', '<1']) {
    const { status, json } = await ask({ headers: { 'accept-version': asked } });
    assert.deepEqual([status, json.code], [400, 'InvalidVersion']);
  }
});

test('a request id is echoed, and one that could forge a log line is not', async () => {
  assert.equal((await ask({ headers: { 'x-request-id': 'abc-123' } })).headers.get('request-id'), 'abc-123');
  assert.match(String((await ask({ headers: { 'x-request-id': 'a b"c' } })).headers.get('request-id')), /^[0-9a-f-]{36}$/);
});
