import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nocloudSeed } from '../../../vmadm/metadata/nocloud-seed.ts';

const UUID = '8f6e9e4c-1111-4222-8333-444444444444';

function seed(customer_metadata: Record<string, string>, hostname?: string): Record<string, string> {
  return Object.fromEntries(nocloudSeed({ uuid: UUID, customer_metadata, ...(hostname !== undefined && { hostname }) }));
}

test('an instance without metadata has a seed that names it and asks for nothing', () => {
  const { 'vendor-data': vendorData = '', ...files } = seed({});
  assert.match(vendorData, /^#!\/bin\/sh\n/);
  assert.deepEqual(files, {
    'meta-data': `{"instance-id":"${UUID}","local-hostname":"${UUID}"}\n`,
    'user-data': '#cloud-config\n{}\n',
    'network-config': 'config: disabled\n',
  });
});

test('host name and keys are in meta-data, one key per line of root_authorized_keys', () => {
  const { 'meta-data': text = '' } = seed({ root_authorized_keys: 'ssh-ed25519 AAAA one\n# comment\n\n  ssh-rsa BBBB two\n' }, 'web-1');
  assert.deepEqual(JSON.parse(text), { 'instance-id': UUID, 'local-hostname': 'web-1', 'public-keys': ['ssh-ed25519 AAAA one', 'ssh-rsa BBBB two'] });
});

test('text that would be YAML structure stays text', () => {
  const { 'meta-data': text = '' } = seed({ root_authorized_keys: 'ssh-rsa A"}, "instance-id": "x' });
  assert.deepEqual(JSON.parse(text), { 'instance-id': UUID, 'local-hostname': UUID, 'public-keys': ['ssh-rsa A"}, "instance-id": "x'] });
});

test('what the user wrote for cloud-init is passed on as it is', () => {
  const files = seed({ 'cloud-init:user-data': '#cloud-config\na: 1\n', 'cloud-init:vendor-data': '#cloud-config\nb: 2\n', 'cloud-init:network-config': 'version: 2\n' });
  assert.equal(files['user-data'], '#cloud-config\na: 1\n');
  assert.equal(files['network-config'], 'version: 2\n');
});

test('vendor data of the operator stands beside the script that has the user-script run', () => {
  const { 'vendor-data': text = '' } = seed({ 'cloud-init:vendor-data': '#cloud-config\nb: 2\n--zonewright-vendor-data--\n' });
  assert.match(text, /^Content-Type: multipart\/mixed; boundary="zonewright-vendor-data"\n/);
  const parts = text.split(/^--zonewright-vendor-data(?:--)?$/m).slice(1, -1);
  const decoded = parts.map((part) => Buffer.from(part.slice(part.indexOf('\n\n') + 2), 'base64').toString());
  assert.deepEqual(decoded, ['#cloud-config\nb: 2\n--zonewright-vendor-data--\n', seed({})['vendor-data']]);
  assert.match(parts[1] ?? '', /^Content-Type: text\/x-shellscript; charset="utf-8"$/m);
});

test('a user-script is in the seed as it is, and one without an interpreter is for the shell', () => {
  assert.equal(seed({ 'user-script': '#!/usr/bin/python3\nprint(1)\n' })['user-script'], '#!/usr/bin/python3\nprint(1)\n');
  assert.equal(seed({ 'user-script': 'echo hi' })['user-script'], '#!/bin/sh\necho hi');
});
