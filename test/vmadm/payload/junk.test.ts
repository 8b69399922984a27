/** Whatever a payload holds, the rules answer with a record or with an error for the user; and a record stays fit for configurations. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Payload } from '../../../vmadm/engine.ts';
import { applyUpdate, preparePayload, validatePayload, toVmObject } from '../../../vmadm/payload/index.ts';
import { BRANDS, type Brand } from '../../../vmadm/payload/brands.ts';
import { COLLECTIONS, TOP_LEVEL } from '../../../vmadm/payload/tables.ts';
import { countingIds, FACTS, IMAGES, LIVE } from '../../support/payload-facts.ts';

const JUNK: readonly unknown[] = [
  null, '', ' ', 'x', '-x', 'a\nb', '\u0000', '../..', '/', '0', '-1', '1e9', 'true', 'auto', 0, -1, 1.5, 1e21, 2 ** 53, NaN, true, false,
  [], [null], [[]], [''], ['x'], [1], [{}], {}, { x: {} }, { 'a\nb': 'c' }, { length: 5 }, '10.0.0.1', '10.0.0.1/24', 'dhcp', 'fe80::1%eth0', 'nics[0]',
  IMAGES.IMG, IMAGES.ZVOL, '00:00:00:00:00:00', '0:4:0', 'virtio', 'x'.repeat(10_000),
];

const BASES: Readonly<Record<Brand, Payload>> = {
  joyent: { brand: 'joyent', image_uuid: IMAGES.IMG },
  'joyent-minimal': { brand: 'joyent-minimal', image_uuid: IMAGES.IMG },
  builder: { brand: 'builder', image_uuid: IMAGES.IMG },
  lx: { brand: 'lx', image_uuid: IMAGES.LX, kernel_version: '5.10.0' },
  kvm: { brand: 'kvm', disk_driver: 'virtio', nic_driver: 'virtio' },
  bhyve: { brand: 'bhyve', disk_driver: 'virtio', nic_driver: 'virtio' },
};

const ELEMENTS: Readonly<Record<string, Payload>> = {
  nics: { nic_tag: 'admin', ip: '10.0.0.2', netmask: '255.255.255.0' },
  disks: { size: 10 },
  filesystems: { type: 'lofs', source: '/tmp', target: '/x' },
  pci_devices: { path: '/devices/pci@0,0', pci_slot: '5:0:0' },
};

/** Values that may hold any text: nothing of them goes into a configuration or a terminal unescaped. */
const FREE_TEXT = new Set(['customer_metadata', 'internal_metadata', 'tags']);

for (const brand of BRANDS) {
  test(`no property of brand ${brand} breaks the rules, whatever it holds`, async () => {
    for (const name of [...Object.keys(TOP_LEVEL), '__proto__', 'constructor']) {
      for (const junk of JUNK) {
        await tryCreate({ ...BASES[brand], ...Object.fromEntries([[name, junk]]) });
        await tryUpdate(brand, Object.fromEntries([[name, junk]]));
      }
    }
  });

  test(`no attribute of an element of brand ${brand} breaks the rules, whatever it holds`, async () => {
    for (const [collection, table] of Object.entries(COLLECTIONS)) {
      for (const attribute of Object.keys(table)) {
        for (const junk of JUNK) {
          const elements = [{ ...ELEMENTS[collection], [attribute]: junk }];
          await tryCreate({ ...BASES[brand], [collection]: elements });
          await tryUpdate(brand, { [`add_${collection}`]: elements });
          await tryUpdate(brand, { [`update_${collection}`]: elements });
        }
      }
    }
  });
}

async function tryCreate(payload: Payload): Promise<void> {
  await forUser(payload, async () => {
    const { record } = await preparePayload(payload, FACTS, [], countingIds());
    requireFit(record, payload);
    toVmObject(record, LIVE);
  });
}

async function tryUpdate(brand: Brand, payload: Payload): Promise<void> {
  await forUser(payload, async () => {
    await validatePayload('update', brand, payload, FACTS);
    const { record } = await preparePayload(BASES[brand], FACTS, [], countingIds());
    requireFit((await applyUpdate(record, payload, { facts: FACTS, others: [record], live: LIVE })).record, payload);
  });
}

async function forUser(payload: Payload, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (error instanceof Error && error.name === 'ZonewrightError') assert.doesNotMatch(error.message, /\p{Cc}/u);
    else throw new Error(`payload ${JSON.stringify(payload).slice(0, 300)}`, { cause: error });
  }
}

/** Plain JSON, no number that is none, no control character outside free text. */
function requireFit(record: object, payload: Payload): void {
  assert.deepEqual(JSON.parse(JSON.stringify(record)), record, JSON.stringify(payload).slice(0, 300));
  const text = JSON.stringify(Object.fromEntries(Object.entries(record).filter(([name]) => !FREE_TEXT.has(name))));
  assert.doesNotMatch(text, /\\u00[01][0-9a-f]|\\n|null/, JSON.stringify(payload).slice(0, 300));
}
