import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalUrl, urlBelow } from '../../../imgadm/sources/source.ts';

const GOOD: ReadonlyArray<readonly [given: string, normal: string]> = [
  ['https://images.example.com', 'https://images.example.com'],
  ['https://images.example.com/', 'https://images.example.com'],
  ['https://images.example.com:443/', 'https://images.example.com'],
  ['http://images.example.com:80', 'http://images.example.com'],
  ['http://images.example.com:443', 'http://images.example.com:443'],
  ['images.example.com', 'http://images.example.com'],
  ['images.example.com:8080/base/', 'http://images.example.com:8080/base'],
  ['HTTPS://Images.Example.com/Base', 'https://images.example.com/Base'],
  ['https://x.example.com?channel=dev', 'https://x.example.com?channel=dev'],
  ['https://x.example.com/?channel=dev', 'https://x.example.com?channel=dev'],
  ['http://[::1]:8080', 'http://[::1]:8080'],
];

for (const [given, normal] of GOOD) {
  test(`${given} is kept as ${normal}`, () => assert.equal(normalUrl(given), normal));
}

for (const bad of ['', 'ftp://x', 'javascript://x', 'file:///etc', 'http://', 'http://a b', 'http://a\tb', 'http://a\u0000b', 'http://a\u200bb', 'http://a#b', 'http://u@a', 'http://u:p@a', 'http://:99999', 'http://a:99999']) {
  test(`${JSON.stringify(bad)} is refused`, () => assert.throws(() => normalUrl(bad), { code: 'InvalidArgument' }));
}

test('a request goes below the path of its source, with its query and the channel', () => {
  const below = (url: string, channel?: string): string => urlBelow({ type: 'imgapi', url, ...(channel === undefined ? {} : { channel }) }, '/images', { limit: '5', marker: undefined }).href;
  assert.equal(below('http://x/base'), 'http://x/base/images?limit=5');
  assert.equal(below('http://x?channel=dev', 'other'), 'http://x/images?limit=5&channel=dev');
  assert.equal(below('http://x', 'a&b'), 'http://x/images?limit=5&channel=a%26b');
});
