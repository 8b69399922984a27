import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../host/run/run.ts';
import { shutDownInstances } from '../../node/boot/shut-down-instances.ts';
import { cli } from '../support/cli.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { minimalImage } from '../support/seed-images.ts';

let node: ScratchNode;
const [wanted, unwanted] = [randomUUID(), randomUUID()];

before(async () => {
  node = await scratchNode();
  const { lx } = await minimalImage(node);
  for (const [uuid, autoboot] of [[wanted, true], [unwanted, false]] as const) {
    const payload = { uuid, autoboot, brand: 'lx', kernel_version: '6.1.0', image_uuid: lx, quota: 1, max_physical_memory: 64 };
    const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify(payload) });
    assert.equal(status, 0, stderr);
  }
});

after(async () => {
  for (const uuid of [wanted, unwanted]) await cli(node, 'vmadm', ['delete', uuid]);
  await node.remove();
});

/** As a power cut does: what ran is gone, and nobody was told. */
async function powerCut(): Promise<void> {
  await run(['lxc-stop', '-P', node.paths.lxc, '-n', wanted, '-k'], { acceptExitCodes: [0, 1, 2] });
  await rm(join(node.runDirectory, 'booted'), { force: true });
}

async function states(): Promise<string> {
  const { stdout } = await cli(node, 'vmadm', ['list', '-p', '-o', 'uuid,state']);
  return stdout;
}

test('after a power cut what has autoboot comes back, and nothing else', async () => {
  await powerCut();
  assert.match(await states(), new RegExp(`${wanted}:stopped`));
  const { status, stdout, stderr } = await cli(node, 'zonewright', ['boot']);
  assert.deepEqual([status, stdout], [0, `${wanted}  booted\n`], stderr);
  assert.match(await states(), new RegExp(`${wanted}:running`));
  assert.match(await states(), new RegExp(`${unwanted}:stopped`));
});

test('a node that goes down asks its guests to, and they boot with it again', async () => {
  const asked = await cli(node, 'zlogin', [wanted, `(trap '' HUP; trap 'touch /asked; exit' TERM; while :; do sleep 1; done) >/dev/null 2>&1 </dev/null &`]);
  assert.equal(asked.status, 0, asked.stderr);
  assert.deepEqual(await shutDownInstances(node), [{ uuid: wanted, outcome: 'has shut down' }]);
  assert.match(await states(), new RegExp(`${wanted}:stopped`));
  await access(join(node.mountpoint, wanted, 'root/asked'));
  await rm(join(node.runDirectory, 'booted'));
  assert.equal((await cli(node, 'zonewright', ['boot'])).stdout, `${wanted}  booted\n`);
});

test('a zone that shut itself down since is left alone by a second boot', async () => {
  await cli(node, 'zlogin', [wanted, 'poweroff']);
  for (let tries = 0; tries < 100 && (await states()).includes(`${wanted}:running`); tries++);
  const { status, stdout } = await cli(node, 'zonewright', ['boot']);
  assert.deepEqual([status, stdout], [0, '']);
  assert.match(await states(), new RegExp(`${wanted}:stopped`));
});
