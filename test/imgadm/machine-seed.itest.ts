import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImageUuid } from '../../host/config/units.ts';
import { consoleTail } from '../../host/qemu/process.ts';
import { findImage } from '../../imgadm/index.ts';
import type { Engine } from '../../vmadm/engine.ts';
import { machineRuntime } from '../../vmadm/machines/runtime.ts';
import { openEngine } from '../../vmadm/open-engine.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';
import { tinyMachineImage } from '../support/seed-images.ts';

let node: ScratchNode;
let engine: Engine;
let image: ImageUuid;

before(async () => {
  node = await scratchNode();
  engine = await openEngine({ node });
  image = await tinyMachineImage(node);
});
after(() => node.remove());

/** UEFI unpacks the kernel in the lower half of the memory, which must have room for it. */
const FIRMWARES = [
  { what: 'a BIOS', payload: { brand: 'kvm', ram: 128 } },
  { what: 'UEFI', payload: { brand: 'bhyve', ram: 256, bootrom: 'uefi' } },
] as const;

for (const { what, payload } of FIRMWARES) {
  test(`the tiny machine boots from a clone of its image with ${what} and obeys the power button`, async () => {
    const disk = { image_uuid: image, boot: true, model: 'virtio' };
    const uuid = await engine.create({ ...payload, alias: `tiny-${payload.brand}`, vcpus: 1, zpool: node.pool, disks: [disk], nics: [] });
    try {
      await untilConsoleSays(uuid, /tiny-vm is up: Linux \d/);
      await engine.stop(uuid, { force: false, timeout: 120 });
      const { state } = await engine.get(uuid);
      assert.equal(state, 'stopped');
    } finally {
      await engine.delete(uuid);
    }
  });
}

test('the image of the tiny machine needs no firmware of one kind and says how large it is', async () => {
  const manifest = (await findImage(node, image))?.manifest;
  assert.equal(manifest?.image_size, 24);
  assert.equal(manifest?.requirements, undefined);
});

async function untilConsoleSays(uuid: string, text: RegExp): Promise<void> {
  for (let tries = 0; ; tries++) {
    const lines = (await consoleTail(machineRuntime(node, uuid), 200)).join('\n');
    if (text.test(lines)) return;
    assert.ok(tries < 1200, `the console does not say ${String(text)}, only:\n${lines}`);
    await sleep(100);
  }
}
