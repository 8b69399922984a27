import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { accelerator } from '../../host/qemu/accelerator.ts';
import { encodeQemuOptions } from '../../host/qemu/command-line.ts';

test('a comma in a value stays inside its value', () => {
  assert.deepEqual(encodeQemuOptions([{ name: 'drive', keys: { file: '/a,readonly=off', format: 'raw' } }]), ['-drive', 'file=/a,,readonly=off,format=raw']);
});

test('options without keys, with a first value, and with switches', () => {
  assert.deepEqual(
    encodeQemuOptions([{ name: 'nodefaults' }, { name: 'm', first: 256 }, { name: 'sandbox', first: 'on', keys: { spawn: 'deny', x: true, y: false, z: undefined } }]),
    ['-nodefaults', '-m', '256', '-sandbox', 'on,spawn=deny,x=on,y=off'],
  );
});

for (const hostile of [
  { name: 'name', first: 'a\n-monitor stdio' },
  { name: 'name', first: 'a\0b' },
  { name: 'device', keys: { 'x=y,z': '1' } },
  { name: 'drive file=/etc/shadow', first: 'x' },
  { name: '', first: 'x' },
]) {
  test(`refuses ${JSON.stringify(hostile)}`, () => {
    assert.throws(() => encodeQemuOptions([hostile]), { code: 'UnsafeConfigValue' });
  });
}

test('KVM is chosen only with the device and the processor\'s flag, and the reason is said', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'zw-accelerator-'));
  const [device, closed] = [join(directory, 'kvm'), join(directory, 'closed')];
  for (const [path, mode] of [[device, 0o666], [closed, 0o600]] as const) {
    await writeFile(path, '');
    await chmod(path, mode);
  }
  for (const [flags, path, name, reason] of [
    ['fpu vmx sse', device, 'kvm', /has vmx/],
    ['fpu svm sse', device, 'kvm', /has svm/],
    ['fpu sse', device, 'tcg', /neither vmx nor svm: guests would hang/],
    ['fpu vmx', join(directory, 'absent'), 'tcg', /has vmx, but there is no/],
    ['fpu vmx', closed, 'tcg', /for root alone/],
    ['fpu', join(directory, 'absent'), 'tcg', /there is no .* neither/],
  ] as const) {
    const cpuinfo = join(directory, 'cpuinfo');
    await writeFile(cpuinfo, `processor\t: 0\nflags\t\t: ${flags}\n`);
    const chosen = accelerator({ device: path, cpuinfo });
    assert.equal(chosen.name, name);
    assert.match(chosen.reason, reason);
  }
  await rm(directory, { recursive: true });
});
