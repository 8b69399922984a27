import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { newAuthority, issueCertificate, type Authority } from '../../host/pki/authority.ts';
import { readCertificate, verifyCertificate } from '../../host/pki/certificate.ts';
import { loadKeyPair, newPrivateKey } from '../../host/pki/keys.ts';
import { newRequest, readRequest } from '../../host/pki/request.ts';

const DAY = 86_400_000;
const authority = await newAuthority({ name: 'test authority' });
const key = await newPrivateKey();
const uri = `urn:zonewright:node:${randomUUID()}`;
const request = await newRequest(key, { uri, name: 'a node' });

function issue(options: { by?: Authority; now?: Date; days?: number } = {}): Promise<string> {
  return issueCertificate(options.by ?? authority, request, { uri, name: 'a node', ...options });
}

test('a certificate says who its holder is, for 90 days and from five minutes ago', async () => {
  const now = new Date('2026-05-01T12:00:00Z');
  const details = readCertificate(await issue({ now }));
  assert.deepEqual(details.uris, [uri]);
  assert.equal(details.notBefore.toISOString(), '2026-05-01T11:55:00.000Z');
  assert.equal(details.notAfter.getTime() - now.getTime(), 90 * DAY);
  assert.match(details.fingerprint, /^[0-9a-f]{64}$/);
});

test('a certificate is good for its authority, in its time, and two of them are told apart', async () => {
  const [one, other] = [await issue(), await issue()];
  assert.deepEqual(verifyCertificate(one, authority.certificatePem).uris, [uri]);
  assert.notEqual(readCertificate(one).fingerprint, readCertificate(other).fingerprint);
  assert.notEqual(readCertificate(one).serial, readCertificate(other).serial);
});

test('an expired certificate, one from the future and one of another authority are refused', async () => {
  const now = new Date();
  const expired = await issue({ now: new Date(now.getTime() - 91 * DAY) });
  assert.throws(() => verifyCertificate(expired, authority.certificatePem), { code: 'CertificateInvalid', message: /it expired at/ });
  const early = await issue({ now: new Date(now.getTime() + DAY) });
  assert.throws(() => verifyCertificate(early, authority.certificatePem), { code: 'CertificateInvalid', message: /it is not good before/ });
  const stranger = await newAuthority({ name: 'test authority' });
  const foreign = await issue({ by: stranger });
  assert.throws(() => verifyCertificate(foreign, authority.certificatePem), { code: 'CertificateInvalid', message: /not issued by this authority/ });
  // A holder of a certificate cannot act as an authority.
  const byNode = await issue({ by: { certificatePem: await issue(), privateKeyPem: key } });
  assert.throws(() => verifyCertificate(byNode, authority.certificatePem), { code: 'CertificateInvalid' });
  assert.throws(() => verifyCertificate(byNode, byNode), { code: 'CertificateInvalid' });
});


test('a request that asks for another node, for the head node or for anything besides is refused', async () => {
  for (const wanted of [`urn:zonewright:node:${randomUUID()}`, 'urn:zonewright:head', `${uri} `, `${uri},urn:zonewright:head`]) {
    const asking = await newRequest(key, { uri: wanted, name: 'a node' });
    await assert.rejects(issueCertificate(authority, asking, { uri, name: 'a node' }), { code: 'RequestInvalid', message: /it asks for/ }, wanted);
  }
});

test('a request that is damaged, too long, or signed with a key that is not its own is refused', async () => {
  const body = request.split('\n').slice(1, -2).join('');
  const der = Buffer.from(body, 'base64');
  const flipped = Buffer.from(der);
  flipped[flipped.length - 5] = (flipped[flipped.length - 5] ?? 0) ^ 1;
  const pem = (bytes: Buffer): string => `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  await assert.rejects(readRequest(pem(flipped)), { code: 'RequestInvalid', message: /not signed with its own key|damaged/ });
  const bad = [pem(der.subarray(0, 60)), pem(Buffer.alloc(20_000)), pem(Buffer.from([0x30, 0x80])), '', 'x', request.replace('CERTIFICATE REQUEST', 'CERTIFICATE'), `${request}${request}`];
  for (const text of bad) await assert.rejects(readRequest(text), { code: 'RequestInvalid' }, JSON.stringify(text.slice(0, 60)));
});

test('a key that is damaged or of another kind is refused, and the error says nothing of it', async () => {
  const damaged = key.replace(/[A-Za-z0-9]{8}\n-----END/, 'AAAAAAAA\n-----END').slice(0, 100);
  for (const text of [damaged, '', 'secret words']) {
    await assert.rejects(loadKeyPair(text), (error: Error) => /a private key cannot be used/.test(error.message) && !error.message.includes(text.slice(0, 10) || '\0') && error.cause === undefined);
  }
});

test('what is not a certificate is refused', () => {
  for (const text of ['', 'x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
    assert.throws(() => readCertificate(text), { code: 'CertificateInvalid' });
  }
});
