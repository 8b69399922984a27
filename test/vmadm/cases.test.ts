/**
 * The cases that SmartOS's behaviour gives (`../shared/cases/vmadm.jsonl`), as far as payload rules alone decide them.
 * The others need an instance that runs; the list printed at the end says which were covered.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import type { Payload } from '../../vmadm/engine.ts';
import { preparePayload, toVmObject, validatePayload, type Brand } from '../../vmadm/payload/index.ts';
import { countingIds, FACTS, IMAGES, LIVE } from '../support/payload-facts.ts';

interface Case {
  readonly id: string;
  readonly op: string;
  readonly payload: unknown;
  readonly expect: unknown;
}

const CASES = new URL('../../../shared/cases/vmadm.jsonl', import.meta.url);
const UUID = '9a9a9a9a-9a9a-4a9a-8a9a-9a9a9a9a9a9a';

/** Cases whose payload or expectation is prose: they have tests of their own, by the same id. */
const TOLD_IN_PROSE = new Set([...'C68 N03 N04 N06 N12 N17 N20 U03 U05 U06 U08 U11 U13 U15 U17 U19 U20 U23 U24 U25 U26 U27 U32 U33 U35 U36 U37 U38 U39 U42 U43 U44 U45 U46 U50 U53 U54 U56 U61 U64'.split(' '), 'C36', 'C37', 'C52', 'C53', 'C66', 'C67', 'C69', 'C70', 'C72', 'C74', 'N01', 'N10', 'R14', 'C50', 'C51', 'L23', 'L24', 'L27', 'L29', 'L30', 'L32']);

const all: Case[] = existsSync(CASES)
  ? readFileSync(CASES, 'utf8').split('\n').filter((line) => line !== '').map((line) => substitute(JSON.parse(line)) as Case)
  : [];
const covered: string[] = [];

test('there are cases to try', { skip: !existsSync(CASES) }, () => {
  assert.ok(all.length > 100);
});

for (const { id, op, payload, expect } of all) {
  if (TOLD_IN_PROSE.has(id)) continue;
  const [verb, action = '', brand = ''] = op.split(':');
  if (verb === 'validate') define(id, op, () => tryValidation(action as 'create' | 'update', brand as Brand, payload as Payload, expect));
  if (op === 'create') define(id, op, () => tryCreation(payload as Payload, expect as Expectation));
  if (op === 'create x2') define(id, op, () => tryConflict(payload as Payload[], expect as Expectation));
}

after(() => {
  const missing = all.map(({ id }) => id).filter((id) => !covered.includes(id) && !TOLD_IN_PROSE.has(id));
  console.log(`cases tried: ${covered.join(' ')}\ntried in payload/prose-cases.test.ts and payload/update.test.ts: ${[...TOLD_IN_PROSE].join(' ')}\nnot decided by payloads alone: ${missing.join(' ')}`);
});

interface Expectation {
  readonly err?: string;
  readonly errPrefix?: string;
  readonly second_err?: string;
  readonly fail?: string;
  readonly get?: Readonly<Record<string, unknown>>;
}

function define(id: string, op: string, run: () => Promise<void>): void {
  covered.push(id);
  test(`case ${id}: ${op}`, run);
}

async function tryValidation(action: 'create' | 'update', brand: Brand, payload: Payload, expect: unknown): Promise<void> {
  const implied = action === 'create' && brand === 'joyent' ? { brand, image_uuid: IMAGES.IMG } : {};
  const result = await validatePayload(action, brand, { ...implied, ...payload }, FACTS);
  const { details, warnings, ...lists } = result;
  if (typeof expect === 'string') {
    assert.deepEqual(lists, { bad_values: [], bad_properties: [], missing_properties: [] });
    return;
  }
  const expected = expect as Readonly<Record<string, readonly string[]>>;
  assert.ok(details.length + warnings.length > 0);
  for (const [list, names] of Object.entries(expected)) {
    if (list === 'invalid') continue;
    const found = lists[list as keyof typeof lists];
    if (names.length === 0) assert.deepEqual(found, []);
    for (const name of names) assert.ok(found.includes(name), `${list} should hold ${name}: ${JSON.stringify(lists)}`);
  }
  if ('invalid' in expected) assert.ok(Object.values(lists).some((names) => names.length > 0));
}

async function tryCreation(payload: Payload, expect: Expectation): Promise<void> {
  const complete = completed(payload);
  if (expect.err !== undefined) return assert.rejects(prepare(complete), { message: expect.err });
  if (expect.errPrefix !== undefined) {
    const { errPrefix } = expect;
    return assert.rejects(prepare(complete), (error: Error) => error.message.startsWith(errPrefix));
  }
  if (expect.fail !== undefined) return assert.rejects(prepare(complete), { name: 'ZonewrightError' });
  const { record } = await prepare(complete);
  const shown = toVmObject(record, LIVE);
  assert.ok(expect.get, 'a case of create says what get shows');
  for (const [path, value] of Object.entries(expect.get)) assert.deepEqual(at(shown, path), value, path);
}

async function tryConflict(payloads: readonly Payload[], expect: Expectation): Promise<void> {
  const [first, second] = payloads.map(completed);
  const { record } = await prepare(first ?? {});
  await assert.rejects(preparePayload(second ?? {}, FACTS, [record]), { message: expect.second_err });
}

function prepare(payload: Payload) {
  return preparePayload(payload, FACTS, [], countingIds());
}

/** A payload over the base that makes it complete. */
function completed(payload: Payload): Payload {
  const brand = payload['brand'] ?? 'joyent-minimal';
  const machine = brand === 'kvm' || brand === 'bhyve';
  const image = machine ? { disk_driver: 'virtio' } : { image_uuid: brand === 'lx' ? IMAGES.LX : IMAGES.IMG };
  const kernel = brand === 'lx' ? { kernel_version: '5.10.0' } : {};
  // A payload without it is incomplete on purpose only when it says so.
  const bhyveSize = brand === 'bhyve' || payload['flexible_disk_size'] !== undefined ? { brand: 'bhyve' } : {};
  const sizedDisks = Array.isArray(payload['disks']) && payload['brand'] === undefined ? { brand: 'bhyve', disk_driver: 'virtio' } : {};
  return { brand, ...('brand' in sizedDisks ? {} : image), ...kernel, ...bhyveSize, ...sizedDisks, autoboot: false, do_not_inventory: true, ...payload };
}

function at(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
}

/** Put the test node's images where the cases name them. */
function substitute(value: unknown): unknown {
  if (typeof value === 'string') {
    if (value === '<uuid>') return UUID;
    if (value === '10GiB image') return IMAGES.TEN_GIB;
    return Object.hasOwn(IMAGES, value.replace('$', '')) && value.startsWith('$') ? IMAGES[value.slice(1) as keyof typeof IMAGES] : value;
  }
  if (Array.isArray(value)) return value.map(substitute);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, substitute(element)]));
}
