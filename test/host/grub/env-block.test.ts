import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../../host/run/run.ts';
import { encodeEnvironment, parseEnvironment } from '../../../host/grub/env-block.ts';

test("GRUB's own tool reads what we write, and we read what it writes", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-grubenv-'));
  try {
    const file = join(directory, 'grubenv');
    await writeFile(file, encodeEnvironment({ saved_entry: 'platform-20261121T154200Z', next_entry: '' }));
    assert.equal((await run(['grub-editenv', file, 'list'])).stdout, 'saved_entry=platform-20261121T154200Z\nnext_entry=\n');
    await run(['grub-editenv', file, 'set', 'next_entry=platform-20261122T154200Z']);
    const { readFile } = await import('node:fs/promises');
    assert.deepEqual(parseEnvironment(await readFile(file, 'utf8')), { saved_entry: 'platform-20261121T154200Z', next_entry: 'platform-20261122T154200Z' });
  } finally {
    await rm(directory, { recursive: true });
  }
});

for (const [name, value] of [['saved_entry', 'a\nroot=x'], ['saved_entry', 'a b'], ['saved_entry', '$(x)'], ['saved_entry', '#'], ['a=b', 'c'], ['', 'c'], ['A\n', 'c'], ['x', 'y'.repeat(65)]] as const) {
  test(`an environment cannot hold ${JSON.stringify(name)}=${JSON.stringify(value)}`, () => {
    assert.throws(() => encodeEnvironment({ [name]: value }), /not for a loader/);
  });
}

for (const block of [undefined, '', 'nothing', '# GRUB Environment Block', '\0'.repeat(1024)]) {
  test(`a block that is ${JSON.stringify(block?.slice(0, 30))} says nothing`, () => {
    assert.deepEqual(parseEnvironment(block), {});
  });
}

test('lines that are none of ours are left out', () => {
  assert.deepEqual(parseEnvironment('# GRUB Environment Block\nkernelopts=a b c\nsaved_entry=x\n#####'), { saved_entry: 'x' });
});
