import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newMeter, sizeText } from '../../imgadm/cli/size.ts';

test('sizes have one decimal that is cut off', () => {
  const sizes = [0, 1, 701, 1023, 1024, 1075, 2_936_012, 1024 ** 3 - 1, 1024 ** 3, 20 * 1024 ** 3, 3 * 1024 ** 4, 5000 * 1024 ** 4];
  assert.deepEqual(sizes.map(sizeText), ['0 B', '1.0 B', '701.0 B', '1023.0 B', '1.0 KiB', '1.0 KiB', '2.7 MiB', '1023.9 MiB', '1.0 GiB', '20.0 GiB', '3.0 TiB', '5000.0 TiB']);
});

test('a meter speaks once for each percent', () => {
  const meter = newMeter();
  assert.deepEqual([1, 2, 1000, 1001, 200_000].map((done) => meter(done, 200_000)), ['1.0 B of 195.3 KiB, 0%', undefined, undefined, undefined, '195.3 KiB of 195.3 KiB, 100%']);
});
