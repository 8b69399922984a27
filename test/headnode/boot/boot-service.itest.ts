/** The boot service as machines see it: real dnsmasq on a network of its own, clients as firmware is, golden files of what they get. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import bunyan from 'bunyan';
import { openBootService } from '../../../headnode/boot/boot-service.ts';
import { headConfigSchema, type HeadConfig } from '../../../headnode/config.ts';
import { startHead, type RunningHead } from '../../../headnode/main.ts';
import { run } from '../../../host/run/run.ts';
import { ask, joinTestHead, sysinfoOf, until } from '../support/head.ts';
import type { PxeOrder, PxeResult } from './pxe-client.ts';

const SERVER = '4f2ef0d6-6f0d-4e5c-8a52-1d8d3c5f0a01';
const STAMP = '20261101T000000Z';
const TRIAL = '20261121T154200Z';
const BIOS = { mac: '52:54:00:00:00:01', architecture: 0, vendorClass: 'PXEClient:Arch:00000:UNDI:002001' } as const;
const UEFI = { mac: '52:54:00:00:00:02', architecture: 7, vendorClass: 'PXEClient:Arch:00007:UNDI:003000' } as const;
const BASE = 'http://10.88.0.1';

const LINK = 'zwboot0';
const NAMESPACE = `zwtest-pxe-${process.pid}`;
let directory: string;
let config: HeadConfig;
let head: RunningHead;
let started = false;
const url = (): string => `http://127.0.0.1:${head.internal.address?.port}`;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zonewright-boot-'));
  await run(['ip', 'netns', 'add', NAMESPACE]);
  await run(['ip', 'link', 'add', 'name', LINK, 'type', 'veth', 'peer', 'name', 'pxe', 'netns', NAMESPACE]);
  await run(['ip', 'address', 'add', '10.88.0.1/24', 'dev', LINK]);
  await run(['ip', 'link', 'set', 'dev', LINK, 'up']);
  for (const stamp of [STAMP, TRIAL]) {
    const files = join(directory, 'platforms', stamp, 'platform/x86_64');
    await mkdir(files, { recursive: true });
    await writeFile(join(files, 'vmlinuz'), `kernel of ${stamp}`);
    await writeFile(join(files, 'initramfs'), 'x'.repeat(300_000));
  }
  config = headConfigSchema.parse({
    internal: { port: 0 },
    cloudapi: { port: 0 },
    admin: { address: '10.88.0.1', port: 8443 },
    boot: { range: { start: '10.88.0.200', end: '10.88.0.210' } },
    datacenter: 'test-1',
    log_level: 'error',
  });
  head = await startHead({ directory, config });
  started = true;
  await ask(`${url()}/nic_tags`, 'POST', { body: { name: 'admin', uuid: '00000000-0000-4000-8000-00000000000a' } });
  const network = { name: 'admin', uuid: '00000000-0000-4000-8000-00000000000b', subnet: '10.88.0.0/24', nic_tag: 'admin', vlan_id: 0, provision_start_ip: '10.88.0.10', provision_end_ip: '10.88.0.99', resolvers: ['10.88.0.1'], gateway: '10.88.0.254' };
  assert.equal((await ask(`${url()}/networks`, 'POST', { body: network })).status, 200);
  assert.equal((await ask(`${url()}/boot/default`, 'POST', { body: { platform: STAMP, kernel_args: { rack: 'a1' } } })).status, 204);
});
after(async () => {
  if (started) await head.close().catch(() => undefined);
  await run(['ip', 'netns', 'delete', NAMESPACE], { acceptExitCodes: [0, 1] });
  await run(['ip', 'link', 'delete', 'dev', LINK], { acceptExitCodes: [0, 1] });
  await rm(directory, { recursive: true, force: true });
});

describe('machines that boot from the network', { timeout: 600_000 }, () => {
  it('give a BIOS and a UEFI machine that nobody knows a loader, and by DHCP of the loader a script', async () => {
    for (const [machine, loader] of [[BIOS, 'undionly.kpxe'], [UEFI, 'snponly.efi']] as const) {
      const { lease, tftp } = await boot({ ...machine, tftp: [loader] });
      assert.equal(lease?.bootFile, loader);
      assert.equal(lease.nextServer, '10.88.0.1');
      assert.match(lease.address, /^10\.88\.0\.2(0\d|10)$/);
      assert.equal(tftp[loader], createHash('sha256').update(await readFile(join('/usr/lib/ipxe', loader))).digest('hex'));
      const script = `${BASE}/boot.ipxe?mac=${machine.mac}&uuid=`;
      const second = await boot({ ...machine, userClass: 'iPXE', http: [`${BASE}/boot.ipxe`, script] });
      assert.equal(second.lease?.bootFile, `${BASE}/boot.ipxe`);
      assert.equal(second.lease.address, lease.address);
      await golden('first.ipxe', second.http[`${BASE}/boot.ipxe`]?.text);
      assert.match(second.http[script]?.text ?? '', new RegExp(`platform ${STAMP}`));
    }
  });

  it('keep the address that they got at first sight, and hear all that they need', async () => {
    for (const [name, machine] of [['bios', BIOS], ['uefi', UEFI]] as const) await golden(`${name}-unclaimed.txt`, await transcript(machine));
  });

  it('are not answered when they neither boot from the network nor are known', async () => {
    assert.equal((await boot({ mac: '52:54:00:00:00:09', architecture: 0, patienceSeconds: 6 })).lease, undefined);
  });

  it('are UEFI machines that fetch their loader by HTTP, too', async () => {
    const loader = `${BASE}/loaders/snponly.efi`;
    const { lease, http } = await boot({ mac: '52:54:00:00:00:03', architecture: 16, vendorClass: 'HTTPClient:Arch:00016:UNDI:003000', http: [loader] });
    assert.equal(lease?.bootFile, loader);
    assert.equal(lease.options['60'], 'HTTPClient');
    assert.equal(http[loader]?.status, 200);
  });

  it('get nothing that is not for them', async () => {
    const refused = ['/', '/boot.ipxe?mac=52:54:00:00:00:77', '/boot.ipxe?mac=../../x', '/boot.ipxe.01525400000077', '/os', `/os/${STAMP}/platform/x86_64/..%2f..%2f..%2f..%2fseal.key`, '/os/../seal.key', '/os/%2e%2e/platform/x86_64/vmlinuz', `/os/${STAMP}/platform/x86_64/seal.key`, '/bootfs/52-54-00-00-00-77/head.json', '/bootfs/52-54-00-00-00-01/..%2fx', '/loaders/ipxe.iso', '/servers', '/ping'];
    const { http } = await boot({ ...BIOS, http: refused.map((path) => `${BASE}${path}`) });
    for (const [asked, { status, text }] of Object.entries(http)) assert.deepEqual({ asked, status, text }, { asked, status: 404, text: 'not found\n' });
  });

  it('read platform files whole and in parts', async () => {
    const file = `${BASE}/os/${STAMP}/platform/x86_64/initramfs`;
    const { http } = await boot({ ...BIOS, http: [file, `${BASE}/os/${STAMP}/platform/x86_64/vmlinuz`] });
    assert.equal(http[file]?.sha256, createHash('sha256').update('x'.repeat(300_000)).digest('hex'));
    const part = await fetch(`${BASE}/os/${STAMP}/platform/x86_64/vmlinuz`, { headers: { range: 'bytes=0-5' } });
    assert.deepEqual([part.status, part.headers.get('content-range'), await part.text()], [206, `bytes 0-5/${`kernel of ${STAMP}`.length}`, 'kernel']);
    const beyond = await fetch(`${BASE}/os/${STAMP}/platform/x86_64/vmlinuz`, { headers: { range: 'bytes=1000-' } });
    assert.equal(beyond.status, 416);
  });
});

describe('a machine that has become a server', { timeout: 600_000 }, () => {
  before(async () => {
    const node = await joinTestHead({ url: url(), adminUrl: 'https://10.88.0.1:8443' }, SERVER);
    const sysinfo = sysinfoOf(SERVER, { Hostname: 'rack-1', 'Live Image': STAMP, 'Network Interfaces': { eth0: { 'MAC Address': BIOS.mac, ip4addr: '', 'Link Status': 'up', 'NIC Names': [] } } });
    await node.say('POST', `/servers/${SERVER}/sysinfo`, { sysinfo, boot_id: SERVER, sequence: 0 });
    await node.say('POST', `/servers/${SERVER}/events/status`, { vms: {}, boot_id: SERVER, sequence: 1 });
    await node.close();
    await until(async () => (await boot({ ...BIOS, userClass: 'iPXE', http: [scriptUrl(BIOS.mac)] })).http[scriptUrl(BIOS.mac)]?.text.includes('hostname=rack-1') === true);
  });

  it('keeps its address and has its name in everything', async () => {
    await golden('bios-server.txt', await transcript(BIOS));
  });

  it('tries a platform once, and has it from then on when it says that it is healthy', async () => {
    assert.equal((await ask(`${url()}/servers/${SERVER}/platform-trial`, 'PUT', { body: { platform: '20300101T000000Z' } })).status, 404);
    assert.equal((await ask(`${url()}/servers/${SERVER}/platform-trial`, 'PUT', { body: { platform: TRIAL, seconds: 300 } })).status, 204);
    await until(async () => (await machines()).some(({ trial_state }) => trial_state === 'waiting'));
    // Somebody else who asks in its name does not use it up.
    const [first, second] = await untilTrial();
    await golden('bios-trial.ipxe', first);
    assert.match(second, new RegExp(`platform ${STAMP}\n`));
    assert.doesNotMatch(second, /zonewright\.trial/);
    const node = await joinTestHead({ url: url(), adminUrl: 'https://10.88.0.1:8443' }, SERVER);
    assert.equal((await node.say('POST', '/servers/4f2ef0d6-6f0d-4e5c-8a52-1d8d3c5f0a02/events/platform', { platform: TRIAL, outcome: 'healthy' })).status, 403);
    assert.equal((await node.say('POST', `/servers/${SERVER}/events/platform`, { platform: TRIAL, outcome: 'healthy' })).status, 204);
    await node.close();
    const server = (await ask(`${url()}/servers/${SERVER}`, 'GET')).body as { boot_platform: string; current_platform: string };
    assert.deepEqual([server.boot_platform, server.current_platform], [TRIAL, STAMP]);
    await until(async () => (await scriptText(BIOS)).includes(`platform ${TRIAL}\n`));
  });

  it('boots into rescue once', async () => {
    assert.equal((await ask(`${url()}/servers/${SERVER}/boot-once`, 'PUT', { body: { how: 'rescue' } })).status, 204);
    await until(async () => (await scriptText(BIOS)).includes(' noimport=true '));
    assert.doesNotMatch(await scriptText(BIOS), /noimport/);
  });

  it('is answered the same while there is no database, also by a head process that starts then', async () => {
    const before_ = await transcript(BIOS);
    await head.close();
    const log = bunyan.createLogger({ name: 'test', level: 'fatal' });
    const service = await openBootService({ directory, config: config.boot ?? assert.fail(), address: '10.88.0.1', log });
    try {
      assert.equal(await transcript(BIOS), before_);
      // A machine that nobody knows has to wait.
      const stranger = { mac: '52:54:00:00:00:33', architecture: 0, vendorClass: BIOS.vendorClass } as const;
      const { lease, http } = await boot({ ...stranger, userClass: 'iPXE', http: [scriptUrl(stranger.mac)] });
      assert.match(lease?.address ?? '', /^10\.88\.0\.2/);
      await golden('wait.ipxe', http[scriptUrl(stranger.mac)]?.text);
    } finally {
      await service.close();
    }
    head = await startHead({ directory, config });
    assert.equal(await transcript(BIOS), before_);
  });
});

function scriptUrl(mac: string): string {
  return `${BASE}/boot.ipxe?mac=${mac}&uuid=`;
}

async function scriptText(machine: Omit<PxeOrder, 'interface'>): Promise<string> {
  return (await boot({ ...machine, userClass: 'iPXE', http: [scriptUrl(machine.mac)] })).http[scriptUrl(machine.mac)]?.text ?? '';
}

/** The script with the trial, and the one after it. */
async function untilTrial(): Promise<readonly [string, string]> {
  let script = '';
  await until(async () => {
    assert.doesNotMatch(await (await fetch(scriptUrl(BIOS.mac))).text(), /trial/);
    script = await scriptText(BIOS);
    return script.includes('zonewright.trial=300');
  });
  return [script, await scriptText(BIOS)];
}

async function machines(): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>> {
  return (await ask(`${url()}/boot_machines`, 'GET')).body as ReadonlyArray<Readonly<Record<string, unknown>>>;
}

/** All that a machine is told, as text. What differs from run to run has a word in its place. */
async function transcript(machine: Omit<PxeOrder, 'interface'>): Promise<string> {
  const files = ['networking.json', 'head.json', 'modules.cpio'].map((name) => `${BASE}/bootfs/${machine.mac.replaceAll(':', '-')}/${name}`);
  const firmware = await boot(machine);
  const loader = await boot({ ...machine, userClass: 'iPXE', http: [scriptUrl(machine.mac), ...files] });
  const parts = Object.entries(loader.http).map(([asked, { status, text }]) => `--- ${asked} ${status}\n${asked.endsWith('.cpio') ? text.replace(/\0+/g, '\n') : text}`);
  return `--- firmware\n${JSON.stringify(firmware.lease, null, 2)}\n--- loader\n${JSON.stringify(loader.lease, null, 2)}\n${parts.join('\n')}`.replace(/"[0-9a-f]{64}"/g, '"FINGERPRINT"');
}

async function boot(order: Omit<PxeOrder, 'interface'>): Promise<PxeResult> {
  const { stdout } = await run(['ip', 'netns', 'exec', NAMESPACE, process.execPath, join(import.meta.dirname, 'pxe-client.ts'), JSON.stringify({ ...order, interface: 'pxe' })]);
  return JSON.parse(stdout) as PxeResult;
}

/** Compare with a golden file; with GOLDEN=write it is written. */
async function golden(name: string, text: string | undefined): Promise<void> {
  const path = join(import.meta.dirname, 'golden', name);
  if (process.env['GOLDEN'] === 'write') await writeFile(path, text ?? '');
  assert.equal(text, await readFile(path, 'utf8'));
}
