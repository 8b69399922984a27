import assert from 'node:assert/strict';
import { lchown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../host/run/run.ts';
import { setOwners, shiftedBy } from '../../imgadm/unpack/owners.ts';
import { capabilitiesOf, restoreCapabilities } from '../../imgadm/unpack/file-capabilities.ts';

const FIRST = 268435456;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', 'capabilities-'));
  for (const name of ['ping', 'with blank']) {
    await writeFile(join(directory, name), 'x');
    await run(['setcap', 'cap_net_admin,cap_net_raw=ep', join(directory, name)]);
  }
  await lchown(join(directory, 'ping'), 0, 0);
  await run(['setcap', 'cap_net_raw=ep', join(directory, 'ping')]);
});
after(() => rm(directory, { recursive: true }));

test('file capabilities survive a shift, good only inside the namespace', async () => {
  const before = await capabilitiesOf(directory);
  assert.deepEqual(before.map(({ path, capabilities }) => [path.slice(directory.length + 1), capabilities]).sort(), [
    ['ping', 'cap_net_raw=ep'],
    ['with blank', 'cap_net_admin,cap_net_raw=ep'],
  ]);
  await setOwners(directory, shiftedBy(FIRST));
  assert.deepEqual(await capabilitiesOf(directory), [], 'a change of owner takes capabilities away');
  await restoreCapabilities(before, FIRST);
  const { stdout } = await run(['getcap', '-n', '-r', directory]);
  assert.match(stdout, new RegExp(`ping cap_net_raw=ep \\[rootid=${FIRST}\\]`));
  assert.match(stdout, new RegExp(`with blank cap_net_admin,cap_net_raw=ep \\[rootid=${FIRST}\\]`));
});
