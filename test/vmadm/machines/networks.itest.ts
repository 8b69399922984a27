import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { dataset } from '../../../host/config/units.ts';
import { listChildren } from '../../../host/zfs/zfs.ts';
import { cli } from '../../support/cli.ts';
import { scratchNode, type ScratchNode } from '../../support/scratch-node.ts';
import { minimalImage } from '../../support/seed-images.ts';

let node: ScratchNode;
let zoneImage: string;

before(async () => {
  node = await scratchNode({ megabytes: 1024 });
  zoneImage = (await minimalImage(node)).lx;
});

after(() => node.remove());

const MAC = '02:08:20:00:00:81';

function machine(nic: Record<string, unknown>): Record<string, unknown> {
  return { brand: 'kvm', ram: 64, quota: 1, autoboot: false, disks: [{ size: 16, model: 'virtio', refreservation: 0 }], nics: [{ nic_tag: 'admin', model: 'virtio', mac: MAC, ips: ['10.77.0.81/24'], ...nic }] };
}

function zone(nic: Record<string, unknown>): Record<string, unknown> {
  return { brand: 'lx', kernel_version: '6.1.0', image_uuid: zoneImage, quota: 1, autoboot: false, nics: [{ nic_tag: 'admin', mac: MAC, ips: ['10.77.0.81/24'], ...nic }] };
}

const REFUSAL = `nic ${MAC}: vlan_id 12 cannot be had on nic tag "admin": its bridge zwadmin does not tell VLANs apart`;

for (const [kind, payload] of [['machine', machine], ['zone', zone]] as const) {
  test(`a ${kind} whose nic is to be in a VLAN is refused where the bridge has none, and nothing of it stays`, async () => {
    const uuid = randomUUID();
    const { status, stderr } = await cli(node, 'vmadm', ['create'], { input: JSON.stringify({ ...payload({ vlan_id: 12 }), uuid }) });
    assert.equal(status, 1);
    assert.ok(stderr.startsWith(REFUSAL), stderr);
    assert.deepEqual((await listChildren(dataset(node.pool), 'name')).filter(({ name }) => name.includes(uuid)), []);
  });

  test(`a nic of a ${kind} is not moved into a VLAN that cannot be had, and stays as it was`, async () => {
    const uuid = randomUUID();
    const created = await cli(node, 'vmadm', ['create'], { input: JSON.stringify({ ...payload({ vlan_id: 0 }), uuid }) });
    assert.equal(created.status, 0, created.stderr);
    const { status, stderr } = await cli(node, 'vmadm', ['update', uuid], { input: JSON.stringify({ update_nics: [{ mac: MAC, vlan_id: 12 }] }) });
    assert.equal(status, 1);
    assert.ok(stderr.startsWith(REFUSAL), stderr);
    const { nics } = JSON.parse((await cli(node, 'vmadm', ['get', uuid])).stdout) as { nics: Array<{ vlan_id?: number }> };
    assert.deepEqual(nics.map(({ vlan_id }) => vlan_id), [0]);
    await cli(node, 'vmadm', ['delete', uuid]);
  });
}
