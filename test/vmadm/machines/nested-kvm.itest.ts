/** KVM for real, where the host has none: a machine of ours in a guest that emulates a processor with virtualization. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { runInOuterGuest } from '../../support/outer-guest.ts';
import { seedOf } from '../../support/seed-images.ts';

let directory: string;
let said: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zw-nested-'));
  const [seed, tiny] = [join(directory, 'debian-vm.raw'), join(directory, 'tiny-vm.raw')];
  for (const [name, target] of [['debian-vm', seed], ['tiny-vm', tiny]] as const) await run(['zstd', '-dq', '--sparse', (await seedOf(name)).archive, '-o', target]);
  const fixtures = join(import.meta.dirname, 'fixtures');
  said = await runInOuterGuest(seed, directory, {
    files: {
      'tiny-vm.raw': tiny,
      'tree/test/vmadm/machines/fixtures/nested-machine.ts': join(fixtures, 'nested-machine.ts'),
    },
    command: ['node', '/tree/test/vmadm/machines/fixtures/nested-machine.ts', '/tiny-vm.raw'],
    seconds: 900,
  });
});

after(() => rm(directory, { recursive: true, force: true }));

test('where the processor has virtualization a machine runs on KVM, in its jail, and its guest boots', () => {
  const line = /^nested machine: (\{.*\})\r?$/m.exec(said)?.[1];
  assert.ok(line, `the outer guest said nothing of a machine, but:\n${said.slice(-4000)}`);
  const { chosen, kvm, up, ...identity } = JSON.parse(line) as Record<string, unknown> & { chosen: { name: string; reason: string } };
  assert.equal(chosen.name, 'kvm');
  assert.match(chosen.reason, /\/dev\/kvm is there and the processor has (svm|vmx)/);
  assert.deepEqual(kvm, { enabled: true, present: true });
  assert.match(String(up), /^tiny-vm is up: Linux \d/);
  assert.deepEqual(identity, { uid: '268435456', groups: '104', capabilities: '0000000000000000' });
});
