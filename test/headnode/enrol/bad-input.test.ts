import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { holderUri } from '../../../agent/wire/index.ts';
import { newPace } from '../../../headnode/enrol/pace.ts';
import { newPrivateKey } from '../../../host/pki/keys.ts';
import { newRequest } from '../../../host/pki/request.ts';
import { asker, codeOf, startAskedHead, strangerOf, type AskedHead, type Asker } from './strangers.ts';

describe('what a machine that nobody knows may say', () => {
  let head: AskedHead;
  before(async () => void (head = await startAskedHead()));
  after(async () => await head.close());

  const uuid = randomUUID();
  const hostile: ReadonlyArray<readonly [what: string, change: Record<string, unknown>]> = [
    ['no uuid', { UUID: undefined }],
    ['a path for a uuid', { UUID: '../../etc' }],
    ['the uuid of no machine', { UUID: '00000000-0000-0000-0000-000000000000' }],
    ['control characters', { Hostname: 'a\u001b[2J' }],
    ['a very long text', { Manufacturer: 'x'.repeat(300) }],
    ['a text for a number', { 'CPU Total Cores': 'many' }],
    ['a thousand disks', { Disks: Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`sd${index}`, { 'Size in GB': 1 }])) }],
    ['a disk with a path for a name', { Disks: { '../sda': { 'Size in GB': 1 } } }],
    ['a disk with blanks in its name', { Disks: { 'a b': { 'Size in GB': 1 } } }],
    ['no MAC address', { 'Network Interfaces': { eth0: { 'MAC Address': 'none' } } }],
    ['an address that is none', { 'Admin IP': '10.0.0.1; reboot' }],
    ['a list for a document', { 'Network Interfaces': [1, 2] }],
  ];
  for (const [what, change] of hostile) {
    it(`refuses a machine that says ${what}`, async () => {
      assert.deepEqual(codeOf(await head.say({ ...(await asker(uuid)), sysinfo: strangerOf(uuid, change) })), [409, 'ValidationFailed']);
    });
  }

  it('takes no more of what a machine says than people need to see, and never that it is set up or a head node', async () => {
    const boaster = randomUUID();
    await head.say({ ...(await asker(boaster)), sysinfo: strangerOf(boaster, { Setup: 'true', 'Boot Parameters': { headnode: 'true' }, Zpool: 'zones', junk: { deep: [1] }, 'CN Agent IP': '10.66.6.6' }) });
    const shown = await head.server(boaster);
    assert.deepEqual([shown['setup'], shown['headnode']], [false, false]);
    const sysinfo = shown['sysinfo'] as Record<string, unknown>;
    for (const name of ['junk', 'Zpool', 'CN Agent IP']) assert.ok(!(name in sysinfo), name);
  });

  it('refuses requests for another holder, without their own signature, and far too large', async () => {
    const [mine, others] = [await asker(uuid), await asker(randomUUID())];
    assert.deepEqual(codeOf(await head.post({ ...mineOf(mine), csr: others.csr })), [409, 'InvalidArgument']);
    const asHead = await newRequest(await newPrivateKey(), { uri: holderUri({ role: 'head' }), name: 'x' });
    assert.deepEqual(codeOf(await head.post({ ...mineOf(mine), csr: asHead })), [409, 'InvalidArgument']);
    assert.deepEqual(codeOf(await head.post({ ...mineOf(mine), csr: damaged(mine.csr) })), [409, 'RequestInvalid']);
    assert.deepEqual(codeOf(await head.post({ ...mineOf(mine), sysinfo: 'x'.repeat(1024 * 1024) })), [413, 'RequestEntityTooLarge']);
    assert.deepEqual(codeOf(await head.post({})), [409, 'ValidationFailed']);
    assert.deepEqual(codeOf(await head.post([])), [409, 'ValidationFailed']);
  });
});

describe('the pace of an address', () => {
  it('is so many requests in a minute, whoever else asks', () => {
    let time = 0;
    const pace = newPace({ perMinute: 3, now: () => time });
    for (let count = 0; count < 3; count++) pace.take('10.0.0.1');
    assert.throws(() => pace.take('10.0.0.1'), { code: 'TooManyRequests' });
    pace.take('10.0.0.2');
    time = 60_000;
    pace.take('10.0.0.1');
  });
});

function mineOf({ secret, csr, sysinfo }: Asker) {
  return { secret, csr, sysinfo };
}

/** The last bytes are its signature. */
function damaged(csr: string): string {
  const lines = csr.trimEnd().split('\n');
  const body = Buffer.from(lines.slice(1, -1).join(''), 'base64');
  body[body.length - 5] = (body[body.length - 5] ?? 0) ^ 1;
  return `${lines[0]}\n${body.toString('base64')}\n${lines.at(-1)}\n`;
}
