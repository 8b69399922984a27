import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageManifest } from '../../imgadm/index.ts';
import { PLATFORM, requirePlatform } from '../../imgadm/store/require-platform.ts';

const OURS = { version: '7.0', stamp: '20260101T000000Z' };
type Stamps = Readonly<Record<string, string>>;

const asking = (requirements: { min_platform?: Stamps; max_platform?: Stamps }): ImageManifest => ({ v: 2, uuid: 'x', name: 'x', version: '1', type: 'lx-dataset', os: 'linux', requirements });

const CASES: ReadonlyArray<readonly [what: string, requirements: { min_platform?: Stamps; max_platform?: Stamps }, code: string | undefined]> = [
  ['nothing', {}, undefined],
  ['our stamp at least', { min_platform: { '7.0': '20260101T000000Z' } }, undefined],
  ['an older stamp', { min_platform: { '7.0': '20140717T211203Z' } }, undefined],
  ['a newer stamp', { min_platform: { '7.0': '20260101T000001Z' } }, 'MinPlatform'],
  ['an older version only', { min_platform: { '6.5': '29990101T000000Z' } }, undefined],
  ['a newer version only', { min_platform: { '8.0': '20140101T000000Z' } }, 'MinPlatform'],
  ['an older version or a newer one', { min_platform: { '8.0': '20140101T000000Z', '6.5': '20140101T000000Z' } }, undefined],
  ['our stamp at most', { max_platform: { '7.0': '20260101T000000Z' } }, undefined],
  ['an older stamp at most', { max_platform: { '7.0': '20251231T000000Z' } }, 'MaxPlatform'],
  ['an older version at most', { max_platform: { '6.5': '29990101T000000Z' } }, 'MaxPlatform'],
  ['a newer version at most', { max_platform: { '8.0': '20140101T000000Z' } }, undefined],
];

for (const [what, requirements, code] of CASES) {
  test(`an image that asks for ${what} is ${code === undefined ? 'taken' : 'refused'}`, () => {
    if (code === undefined) requirePlatform(asking(requirements), OURS);
    else assert.throws(() => requirePlatform(asking(requirements), OURS), { code });
  });
}

test('the platform says of itself what manifests compare', () => {
  assert.match(PLATFORM.stamp, /^\d{8}T\d{6}Z$/);
  assert.match(PLATFORM.version, /^\d\.\d$/);
});
