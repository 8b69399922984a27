import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFactoryReset, isRescue, parseKernelParameters } from '../../../node/boot/kernel-parameters.ts';

test('the kernel command line is read as the kernel reads it', () => {
  const parameters = parseKernelParameters('BOOT_IMAGE=/vmlinuz console=tty0 console=ttyS0,115200 quiet dyndbg="file a.c +p" "note=two words" hostname=n1\n');
  assert.equal(parameters.get('console'), 'ttyS0,115200');
  assert.equal(parameters.get('quiet'), '');
  assert.equal(parameters.get('dyndbg'), 'file a.c +p');
  assert.equal(parameters.get('note'), 'two words');
  assert.equal(parameters.get('hostname'), 'n1');
});

for (const [text, rescue] of [['noimport', true], ['noimport=true', true], ['a noimport b', true], ['xnoimport', false], ['noimported', false], ['note="noimport"', false], ['', false]] as const) {
  test(`${JSON.stringify(text)} is ${rescue ? 'a' : 'no'} rescue`, () => assert.equal(isRescue(parseKernelParameters(text)), rescue));
}

for (const [text, reset] of [['destroy_zpools=true', true], ['destroy_zpools', false], ['destroy_zpools=1', false], ['destroy_zpools=TRUE', false], ['destroy_zpool=true', false], ['x.destroy_zpools=true', false], ['destroy_zpools=true destroy_zpools=false', false]] as const) {
  test(`${JSON.stringify(text)} is ${reset ? 'a' : 'no'} factory reset`, () => assert.equal(isFactoryReset(parseKernelParameters(text)), reset));
}
