import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { Answers } from '../../../node/firstboot/answers.ts';
import { HungUp, openDialogue } from '../../../node/firstboot/dialogue.ts';
import type { Machine } from '../../../node/firstboot/machine.ts';
import { askWizard, type Confirmed } from '../../../node/firstboot/wizard.ts';
import { disk } from '../disks/disks.ts';

const ETH0 = { name: 'eth0', mac: '52:54:00:00:00:01', carrier: true, driver: 'virtio_net' };
const MACHINE: Machine = { disks: [disk('sda', 100), disk('sdb', 100), disk('sdc', 100, { content: 'ext4 "data"' })], interfaces: [ETH0, { ...ETH0, name: 'eth1', mac: '52:54:00:00:00:02', carrier: false }] };
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4vYx2qk0Zt1mY2m3n4o5p6q7r8s9t0u1v2w3x4y5z6 operator';
const CTRL_C = '\u0003';

/** Lines for the wizard, page by page. */
const ROLE = ['1'];
const NETWORK = ['1', '0', 'dhcp', '', 'node7', ''];
const DISKS = ['/dev/sda /dev/sdb', 'mirror', 'no'];
const ACCESS = ['correct horse', 'correct horse', 'none'];

interface Conversation {
  readonly confirmed: Confirmed;
  /** All that was printed. */
  readonly printed: string;
}

/** Hold a conversation through a pipe, as a script would. */
async function type(lines: readonly string[], { machine = MACHINE, preset = {} }: { readonly machine?: Machine; readonly preset?: Answers } = {}): Promise<Conversation> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let printed = '';
  output.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const dialogue = openDialogue({ name: 'test', input, output, interactive: false });
  input.end(lines.map((line) => `${line}\n`).join(''));
  try {
    return { confirmed: await askWizard(dialogue, machine, preset), printed };
  } finally {
    dialogue.close();
  }
}

test('answers, page by page, become a plan that is shown before it is confirmed', async () => {
  const { confirmed, printed } = await type([...ROLE, ...NETWORK, ...DISKS, ...ACCESS, 'yes']);
  const { answers, plan } = confirmed;
  assert.deepEqual([plan.role, plan.networking.hostname, plan.pool.layout, plan.pool.bootable], ['standalone', 'node7', 'mirror', false]);
  assert.deepEqual(answers.disks, ['/dev/sda', '/dev/sdb']);
  assert.match(plan.access.passwordHash ?? '', /^\$6\$/);
  assert.match(printed, /Summary[^]*a node on its own[^]*node7[^]*mirror[^]*Install \(yes\/no\)/);
  assert.doesNotMatch(printed, /correct horse/);
});

test('pressing Enter takes what is proposed', async () => {
  const { confirmed: { plan } } = await type(['', '', '', '', '', '', '', '', '', '', '', KEY, 'yes']);
  assert.equal(plan.role, 'standalone');
  assert.equal(plan.networking.vnics[0]?.ip, 'dhcp');
  assert.deepEqual([plan.pool.layout, plan.pool.disks.length, plan.pool.bootable], ['raidz1', 3, true]);
  assert.deepEqual(plan.access.authorizedKeys, [KEY]);
});

test('disks that are not empty are named, and erasing them is what is confirmed', async () => {
  const { confirmed: { plan }, printed } = await type([...ROLE, ...NETWORK, '3', '', '', ...ACCESS, 'yes']);
  assert.deepEqual(plan.erased.map(({ path }) => path), ['/dev/sdc']);
  assert.match(printed, /WILL BE LOST: ext4 "data" on \/dev\/sdc[^]*Erase these disks and install \(yes\/no\)/);
});

/** What may be typed wrong, with what is said; the page goes on after it. */
const MISTAKES: ReadonlyArray<readonly [what: string, lines: readonly string[], said: RegExp]> = [
  ['a role that is none', ['9', ...ROLE, ...NETWORK, ...DISKS, ...ACCESS, 'yes'], /number from 1 to 3/],
  ['an interface that is not there', [...ROLE, 'eth7', ...NETWORK, ...DISKS, ...ACCESS, 'yes'], /number from 1 to 2/],
  ['an address that is none', [...ROLE, '1', '0', '300.1.1.1', ...NETWORK.slice(2), ...DISKS, ...ACCESS, 'yes'], /must be "dhcp" or an IPv4 address/],
  ['a VLAN that is none', [...ROLE, '1', 'x', ...NETWORK.slice(1), ...DISKS, ...ACCESS, 'yes'], /VLAN id/],
  ['a host name with a dot', [...ROLE, ...NETWORK.slice(0, 4), 'a.b', 'node7', '', ...DISKS, ...ACCESS, 'yes'], /letters, digits/],
  ['a disk that is not there', [...ROLE, ...NETWORK, '/dev/sdz', ...DISKS, ...ACCESS, 'yes'], /There is no disk \/dev\/sdz/],
  ['a layout for more disks', [...ROLE, ...NETWORK, '/dev/sda /dev/sdb', 'raidz2', ...DISKS.slice(1), ...ACCESS, 'yes'], /raidz2 takes at least 4 disks/],
  ['a short password', [...ROLE, ...NETWORK, ...DISKS, 'short', ...ACCESS, 'yes'], /at least 8 characters/],
  ['another password the second time', [...ROLE, ...NETWORK, ...DISKS, 'correct horse', 'correct house', ...ACCESS, 'yes'], /not the same/],
  ['a key that is none', [...ROLE, ...NETWORK, ...DISKS, 'correct horse', 'correct horse', 'AAAA', 'none', 'yes'], /OpenSSH public key/],
  ['neither password nor key', [...ROLE, ...NETWORK, ...DISKS, '', '', KEY, 'yes'], /nobody could log in/],
  ['neither yes nor no', [...ROLE, ...NETWORK, ...DISKS, ...ACCESS, 'y', 'yes'], /Please type yes or no/],
];

for (const [what, lines, said] of MISTAKES) {
  test(`${what} is explained and asked again`, async () => {
    const { confirmed, printed } = await type(lines);
    assert.match(printed, said);
    assert.equal(confirmed.plan.networking.hostname, 'node7');
  });
}

test('no at the summary goes back, and what was typed is kept as what Enter means', async () => {
  const { confirmed, printed } = await type([...ROLE, ...NETWORK, ...DISKS, ...ACCESS, 'no', '', KEY, 'yes']);
  assert.match(confirmed.plan.access.passwordHash ?? '', /^\$6\$/, 'the password of before');
  assert.deepEqual(confirmed.plan.access.authorizedKeys, [KEY]);
  assert.equal(printed.match(/Summary/g)?.length, 2);
});

test('a combination that cannot be goes back with the reason', async () => {
  const [impossible, possible] = [['1', '0', '10.0.0.5', '255.255.255.0', '10.9.0.1', '', 'node7', ''], ['1', '0', '', '', '10.0.0.1', '', '', '']];
  // From the summary back page by page is not possible without a terminal: the person starts at the last page.
  await assert.rejects(type([...ROLE, ...impossible, ...DISKS, ...ACCESS]), HungUp);
  const { confirmed } = await interactively([...ROLE, ...impossible, ...DISKS, ...ACCESS, CTRL_C, CTRL_C, ...possible, ...DISKS, ...ACCESS, 'yes'], MACHINE);
  assert.equal(confirmed.plan.networking.vnics[0]?.gateway, '10.0.0.1');
});

test('Ctrl-C goes one page back, and a password that is typed is not shown', async () => {
  const { confirmed, printed } = await interactively([...ROLE, ...NETWORK, CTRL_C, ...NETWORK.slice(0, 4), 'node8', '', ...DISKS, ...ACCESS, 'yes'], MACHINE);
  assert.equal(confirmed.plan.networking.hostname, 'node8');
  assert.match(printed, /node8/, 'what is typed is shown');
  assert.doesNotMatch(printed, /correct horse/);
});

test('a head node is asked for what it needs besides, and may not have its address by DHCP', async () => {
  const network = ['1', '0', 'dhcp', '10.88.0.2', '255.255.255.0', '', '', 'head', '', 'east', '', '10.88.0.200', 'yes'];
  const { confirmed: { plan }, printed } = await type(['2', ...network, ...DISKS, ...ACCESS, 'yes']);
  assert.match(printed, /needs an address that stays/);
  assert.deepEqual(plan.head, { datacenter: 'east', dhcpRange: { start: '10.88.0.128', end: '10.88.0.200' }, setupNodes: 'automatic' });
});

test('a node of a fleet is asked for its head node', async () => {
  const fingerprint = 'AB:'.repeat(31) + 'AB';
  const { confirmed: { plan }, printed } = await type(['3', 'not a host!', '10.88.0.2', 'abc', fingerprint, ...NETWORK, ...DISKS, '', '', 'yes']);
  assert.match(printed, /not the address of a head node/);
  assert.match(printed, /64 hexadecimal digits/);
  assert.deepEqual(plan.join, { head: 'https://10.88.0.2:8443', ca_sha256: 'ab'.repeat(32) });
});

test('answers that were there before are what Enter means', async () => {
  const preset: Answers = { role: 'standalone', hostname: 'known', admin_nic: '52:54:00:00:00:02', admin_ip: '10.1.1.5', admin_netmask: '255.255.0.0', disks: ['/dev/sdb'], layout: 'single', bootable: false, root_authorized_keys: [KEY, KEY] };
  const { confirmed: { plan } } = await type([...Array.from({ length: 14 }, () => ''), 'yes'], { preset });
  assert.deepEqual([plan.networking.hostname, plan.networking.vnics[0]?.ip, plan.networking.vnics[0]?.mac], ['known', '10.1.1.5', '52:54:00:00:00:02']);
  assert.deepEqual([plan.pool.disks.map(({ path }) => path), plan.access.authorizedKeys.length], [['/dev/sdb'], 2]);
});

test('a terminal that goes away ends the conversation, and nothing is confirmed', async () => {
  await assert.rejects(type([...ROLE, ...NETWORK, ...DISKS, ...ACCESS]), HungUp);
});

/** As a person at a terminal: each line is typed when something is asked. */
async function interactively(lines: readonly string[], machine: Machine): Promise<Conversation> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const waiting = [...lines];
  let [printed, asked] = ['', ''];
  output.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    asked += stripVTControlCharacters(text);
    if (!asked.endsWith(': ')) return;
    asked = '';
    const line = waiting.shift();
    if (line !== undefined) setImmediate(() => input.write(line === CTRL_C ? CTRL_C : `${line}\r`));
  });
  const dialogue = openDialogue({ name: 'test', input, output, interactive: true });
  try {
    return { confirmed: await askWizard(dialogue, machine), printed };
  } finally {
    dialogue.close();
  }
}
