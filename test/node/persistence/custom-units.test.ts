import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { linkCustomUnits } from '../../../node/persistence/custom-units.ts';

const directory = await mkdtemp(join(tmpdir(), 'zonewright-custom-'));
const [custom, units] = [join(directory, 'custom'), join(directory, 'units')];
after(() => rm(directory, { recursive: true, force: true }));

test('units of the operator are started at boot, and nothing else that lies there is', async () => {
  await mkdir(custom);
  for (const name of ['backup.service', 'backup.timer', 'tunnel@.service', 'notes.txt', '-x.service', 'a b.service', 'evil\n.service', '.hidden.service']) await writeFile(join(custom, name), '');
  for (const _ of ['the first boot', 'the next one']) await linkCustomUnits({ custom, units });
  assert.deepEqual((await readdir(units)).sort(), ['backup.service', 'backup.timer', 'multi-user.target.wants', 'tunnel@.service']);
  assert.deepEqual((await readdir(join(units, 'multi-user.target.wants'))).sort(), ['backup.service', 'backup.timer']);
  assert.equal(await readlink(join(units, 'backup.service')), join(custom, 'backup.service'));
});

test('a node without units of its own has no links', async () => {
  await linkCustomUnits({ custom: join(directory, 'none'), units: join(directory, 'no-units') });
  assert.equal((await readdir(directory)).includes('no-units'), false);
});
