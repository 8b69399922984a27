import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { parsePublicKey } from '../../../headnode/accounts/ssh-key.ts';
import { isErrorCode } from '../../../host/errors/errors.ts';

const ED25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFFUKkM5p8NSbXcH69jSIYP9CDuzNmZChDMVgGJ4lceD alice at work';
const ECDSA = 'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAO07fZO5XZlmhyAJ47XqCF91jv8WASk+uNCSNYrpJLk/m99LRlJNVdaMHWutLqPicWQszOj27Q+LIrRmga3rw8= e@x';
const RSA =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCqhenMRghBOw2kjLPTTCKCymKS+qOX3f6S1TI36l9fVHkSlL3AD+CiJ24lcCdvrWbqpy0XLiT08IHhMn1K6piX+6M9fxxbhsdLgJzGSkMbd/TXErLTaj3h3EjWnT9ReinkP1fTHDhQQdpjuA6ufNQRBgqkG+28IhH3hst6dXYXyTiAa4TFkYShHawuPCvP9ndSVuD0fdIOlCL96CdXIALbRQ22Xm+uRJaikQZHkBlZpco02jvjnkh9kl4ShrcJCpXK3N/JibHgmpKCJHiqTyc3vVCD7pasbT81j5UVLFbmADlL0bkjCv39PH+J+yEHwoF1XGRcQjUYGcBkQhY1mrlD r@x';

/** Prints as ssh-keygen -l says them. */
const GOOD = [
  [ED25519, '4e:47:9f:26:eb:78:e5:57:0e:b8:fc:df:1a:be:87:80', 'SHA256:0+pdVnG0qxVUABVWeieBx+0ahAcuANpr5WA7Hki7Ti4', 'alice at work'],
  [ECDSA, 'd6:df:39:90:18:d3:ce:97:4c:c8:5f:6f:32:42:8f:4d', 'SHA256:PGqic2OroDiF9EdDdoC5OG4bfuabeZ2nRrKbsSvVYe0', 'e@x'],
  [RSA, '20:5e:7e:bc:6c:a1:0f:78:08:e7:9d:5c:dc:5f:3e:4b', 'SHA256:JOlu17+93AP12EVCQghHGT72/TEPqK3ft8jdySOARls', 'r@x'],
] as const;

for (const [line, fingerprint, sha256, comment] of GOOD) {
  test(`a key of type ${line.split(' ')[0]} has the prints that ssh-keygen gives it`, () => {
    assert.deepEqual(parsePublicKey(`${line}\n`), { openssh: line, fingerprint, sha256, comment });
  });
}

test('a public key in PEM is taken too', () => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
  assert.match(parsePublicKey(pem).openssh, /^ssh-rsa /);
});

const WEAK_RSA =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC1/dtQvmsphdXoXg5YUT7tPxaCoatNVR4GBfuAOpwTp8QyNeJPaq82qh54qkJN5l8/+QSDqCnWV2DNF47MP2+YCaLk2Gi0mBYDB83TnZhceAMpI5HZsu6aT8TPiPWOd+uEgcEqTFLtk+bPOGKbpdo2lWmNE4+KVBH1KAweiaw9uQ== r@x';
const DSA =
  'ssh-dss AAAAB3NzaC1kc3MAAACBAJ7WDbKWfjTk2qFxcUB00H16J2PuK4nZSOKdzL/ywbEesE8XVinyghUNFVlQmdcg8Nj3RuL/Wf2sPDKg/biWrkndWEiUaYxJ22I3ZpSy6sJvlWtW0bYYaiFAhLn11HbX4Gf9da5Rz9dAKpPpTEQSzhAxLeFYuGRgk+dUL3wUUjsfAAAAFQDUTWOiRUJUKP+mdA6c5AJiAZfrSwAAAIEAgkl0hYE7Sbogh3xoaiOmUAYozjN+ud0wk4L2TqOnEU4Yun/UfkRSg1KKFjSLOwEL1V8L/cO+wO2GZlcqkwUEXWAcmQRoH+6QVHjwWBwbJ0VOTRveQACeIvzx+HsYTQfxRkl4YbaGzBsZt1/RoU1hqOQ6oZ96opvlsHw3gHJ1ho4AAACAYTUWBEvIQgihDPoUbjPjqtslea3r3LwfrCTx8K4BoFeuQj25uyG/DWgGR1JhU4gLIrVPc/xIxgVdFsJZJ49jhKqBrBTxIbv/K/ab7pXrMav5roBcvDEOc4eLWLZEcy1IvIdoiIPF1VuyEpFXLZPRv0nQ8vIcJLAHE+9MDppZJko= d@x';

const BAD: ReadonlyArray<readonly [name: string, text: string, reason: RegExp]> = [
  ['nothing', '', /not an SSH public key/],
  ['words', 'not a key at all', /not an SSH public key/],
  ['a key that is cut off', ED25519.slice(0, 40), /not an SSH public key/],
  ['a type that is not the key\'s', ED25519.replace('ssh-ed25519', 'ssh-rsa'), /not an SSH public key/],
  ['two keys, one of which nobody looked at', `${ED25519}\n${ECDSA}`, /one line/],
  ['a NUL', `${ED25519}\0`, /one line/],
  ['a private key', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), /private key/],
  ['a key of DSA', DSA, /type dsa/],
  ['an RSA key of 1024 bits', WEAK_RSA, /1024 bits/],
  ['a certificate instead of a key', ED25519.replace('ssh-ed25519', 'ssh-ed25519-cert-v01@openssh.com'), /not an SSH public key/],
  ['20 KB', `${ED25519}${'x'.repeat(20_000)}`, /longer than/],
];

for (const [name, text, reason] of BAD) {
  test(`${name} is refused as a key, and not repeated in the error`, () => {
    assert.throws(
      () => parsePublicKey(text),
      (error) => isErrorCode(error, 'InvalidArgument') && reason.test(error.message) && (text === '' || !error.message.includes(text)),
    );
  });
}
