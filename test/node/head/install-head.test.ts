import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorCode } from '../../../host/errors/errors.ts';
import { networkOf } from '../../../host/net/ipv4.ts';
import { rangeBeside } from '../../../node/head/install-head.ts';

const NETWORK = networkOf('10.88.0.1', 24);

test('nodes get addresses beside those for machines that are new, from the larger part of the network', () => {
  assert.deepEqual(rangeBeside(NETWORK, { start: '10.88.0.200', end: '10.88.0.250' }), { start: '10.88.0.1', end: '10.88.0.199' });
  assert.deepEqual(rangeBeside(NETWORK, { start: '10.88.0.2', end: '10.88.0.20' }), { start: '10.88.0.21', end: '10.88.0.254' });
  assert.deepEqual(rangeBeside(NETWORK, { start: '10.88.0.128', end: '10.88.0.254' }), { start: '10.88.0.1', end: '10.88.0.127' });
});

test('machines that are new cannot have all addresses', () => {
  assert.throws(() => rangeBeside(NETWORK, { start: '10.88.0.1', end: '10.88.0.254' }), (error) => isErrorCode(error, 'HeadInstallFailed'));
});
