import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { bridgeNameOf, hostAddresses } from '../../host/net/bridge.ts';
import { addNicTag, ensureNicTagBridges, nicTagExists, readNicTags, removeNicTag } from '../../host/net/nic-tags.ts';
import { run } from '../../host/run/run.ts';
import { scratchNode, type ScratchNode } from '../support/scratch-node.ts';

let node: ScratchNode;

before(async () => {
  node = await scratchNode();
});

after(() => node.remove());

function linkExists(name: string): boolean {
  return existsSync(`/sys/class/net/${name}`);
}

test('a nic tag gets a bridge with the address asked for, and both go together', async () => {
  await addNicTag(node, 'blue', { address: '10.99.1.1/24' });
  assert.equal(await nicTagExists(node, 'blue'), true);
  assert.ok((await hostAddresses()).some((one) => one.interface === 'zwblue' && one.address === '10.99.1.1' && one.prefix === 24));
  await removeNicTag(node, 'blue');
  assert.equal(await nicTagExists(node, 'blue'), false);
  assert.equal(linkExists('zwblue'), false);
});

test('bridges that are gone are made again, and nothing else changes', async () => {
  await addNicTag(node, 'red', { address: '10.99.2.1/24' });
  const before = await readNicTags(node);
  await run(['ip', 'link', 'delete', 'zwred']);
  await ensureNicTagBridges(node);
  await ensureNicTagBridges(node);
  assert.equal((await hostAddresses()).filter((one) => one.interface === 'zwred' && one.address === '10.99.2.1').length, 1);
  assert.deepEqual(await readNicTags(node), before);
  await removeNicTag(node, 'red');
});

test('a nic tag that exists is not added again', async () => {
  await assert.rejects(addNicTag(node, 'admin'), { code: 'NicTagExists' });
});

test('a nic tag that does not exist cannot be removed', async () => {
  await assert.rejects(removeNicTag(node, 'nowhere'), { code: 'NicTagMissing' });
});

test('a bridge with something connected to it stays', async () => {
  await addNicTag(node, 'busy');
  await run(['ip', 'link', 'add', 'name', 'zwport', 'type', 'veth', 'peer', 'name', 'zwpeer']);
  await run(['ip', 'link', 'set', 'dev', 'zwport', 'master', 'zwbusy']);
  await assert.rejects(removeNicTag(node, 'busy'), { code: 'BridgeInUse' });
  assert.equal(await nicTagExists(node, 'busy'), true);
  await run(['ip', 'link', 'delete', 'zwport']);
  await removeNicTag(node, 'busy');
});

test('an uplink with an address is refused, and no tag or bridge is left', async () => {
  await run(['ip', 'link', 'add', 'name', 'zwup', 'type', 'veth', 'peer', 'name', 'zwuppeer']);
  await run(['ip', 'address', 'add', '10.99.3.9/24', 'dev', 'zwup']);
  await assert.rejects(addNicTag(node, 'outer', { uplink: 'zwup' }), { code: 'UplinkHasAddress' });
  assert.equal(await nicTagExists(node, 'outer'), false);
  assert.equal(linkExists('zwouter'), false);
  await run(['ip', 'link', 'delete', 'zwup']);
});

test("a host's own bridge is used as it is and stays when the tag goes", async () => {
  await run(['ip', 'link', 'add', 'name', 'hostbr', 'type', 'bridge']);
  await addNicTag(node, 'lan', { bridge: 'hostbr' });
  assert.equal((await readNicTags(node))['lan']?.bridge, 'hostbr');
  await removeNicTag(node, 'lan');
  assert.equal(linkExists('hostbr'), true);
  await run(['ip', 'link', 'delete', 'hostbr']);
});

for (const name of ['', 'a b', 'a-b', 'a/b', '../x', 'a\nb', 'ä', 'x'.repeat(32)]) {
  test(`refuses the nic tag ${JSON.stringify(name)}`, async () => {
    await assert.rejects(addNicTag(node, name), { code: 'NicTagInvalid' });
  });
}

test("bridges' names fit the kernel and never meet an instance's interface or each other", () => {
  const tags = ['a', 'x'.repeat(13), 'x'.repeat(14), `${'x'.repeat(14)}y`, 'x'.repeat(31), '0123456789n0'.slice(1), 'admin'];
  const names = tags.map(bridgeNameOf);
  assert.equal(new Set(names).size, tags.length);
  for (const name of names) {
    assert.ok(name.length <= 15, name);
    assert.doesNotMatch(name, /^zw[0-9a-f]{9}n\d+$/);
  }
});
