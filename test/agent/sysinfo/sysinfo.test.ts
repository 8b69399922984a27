import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { bootParametersOf } from '../../../agent/sysinfo/boot-facts.ts';
import { describeNetworks } from '../../../agent/sysinfo/networks.ts';
import { processorsOf } from '../../../agent/sysinfo/processors.ts';
import { shellForm } from '../../../agent/sysinfo/shell-form.ts';
import { smbiosFacts, smbiosUuid, swapped } from '../../../agent/sysinfo/smbios.ts';
import { layoutOf } from '../../../agent/sysinfo/storage.ts';
import { serverUuid, sysinfoOf } from '../../../agent/sysinfo/sysinfo.ts';
import { sysinfoSchema } from '../../../agent/wire/sysinfo.ts';

const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((digit) => `${digit.repeat(8)}-${digit.repeat(4)}-${digit.repeat(4)}-${digit.repeat(4)}-${digit.repeat(12)}`);
const directories: string[] = [];
after(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});

test("a node's uuid is what the boot said, else what the pool says, else what setup decided, else the hardware's", () => {
  const all = { override: A, pool: B, configured: C, smbios: D };
  assert.equal(serverUuid(all), A);
  assert.equal(serverUuid({ ...all, override: A?.toUpperCase() }), A);
  assert.equal(serverUuid({ ...all, override: 'mine' }), B);
  assert.equal(serverUuid({ ...all, override: undefined, pool: '-' }), C);
  assert.equal(serverUuid({ override: undefined, pool: undefined, configured: undefined, smbios: D }), D);
});

/** A /sys with these files. */
async function sysWith(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'zonewright-sys-'));
  directories.push(directory);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  return directory;
}

const entryPoint = (major: number, minor: number): Buffer => Buffer.from([...Buffer.from('_SM_'), 0, 0x1f, major, minor, 0, 0]);
const entryPoint3 = (major: number, minor: number): Buffer => Buffer.from([...Buffer.from('_SM3_'), 0, 0x18, major, minor, 0, 0]);

test("the hardware's uuid is spelled as SmartOS does: the first three fields turned round where Linux had turned them", async () => {
  const linux = '33221100-5544-7766-8899-aabbccddeeff';
  const smartos = '00112233-4455-6677-8899-aabbccddeeff';
  assert.equal(swapped(linux), smartos);
  const uuid = { 'class/dmi/id/product_uuid': `${linux.toUpperCase()}\n` };
  const entry = 'firmware/dmi/tables/smbios_entry_point';
  assert.equal(await smbiosUuid(await sysWith(uuid)), smartos);
  assert.equal(await smbiosUuid(await sysWith({ ...uuid, [entry]: entryPoint(2, 8) })), smartos);
  assert.equal(await smbiosUuid(await sysWith({ ...uuid, [entry]: entryPoint3(3, 2) })), smartos);
  assert.equal(await smbiosUuid(await sysWith({ ...uuid, [entry]: entryPoint(2, 4) })), linux, 'before 2.6 Linux does not turn them');
});

test('blank hardware uuids and missing tables are nothing', async () => {
  for (const text of ['00000000-0000-0000-0000-000000000000', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', 'Not Settable', '']) {
    assert.equal(await smbiosUuid(await sysWith({ 'class/dmi/id/product_uuid': text })), undefined, text);
  }
  assert.equal(await smbiosUuid(await sysWith({})), undefined);
  assert.deepEqual(await smbiosFacts(await sysWith({ 'class/dmi/id/sys_vendor': 'Maker Inc.\n', 'class/dmi/id/product_serial': ' \n' })), { Manufacturer: 'Maker Inc.' });
});

test("boot parameters are the kernel's own, without what is secret", () => {
  assert.deepEqual(bootParametersOf('quiet console=ttyS0,115200 override_uuid=x root_shadow=$5$abc admin_password=p rw -- --token t'), { quiet: 'true', console: 'ttyS0,115200', override_uuid: 'x', rw: 'true' });
  assert.deepEqual(bootParametersOf('\n'), {});
});

test('processors are counted as sockets, cores and threads, under the names that say otherwise', () => {
  const processor = (n: number, socket: number, core: number): string => `processor\t: ${n}\nmodel name\t: Fast 9000\nphysical id\t: ${socket}\ncore id\t\t: ${core}\nflags\t\t: fpu svm sse`;
  const facts = processorsOf([processor(0, 0, 0), processor(1, 0, 0), processor(2, 0, 1), processor(3, 0, 1), processor(4, 1, 0), processor(5, 1, 0)].join('\n\n'));
  assert.deepEqual([facts['CPU Physical Cores'], facts['CPU Total Cores'], facts['CPU Core Count'], facts['CPU Socket Count']], [2, 6, 3, 2]);
  assert.deepEqual([facts['CPU Type'], facts['CPU Virtualization']], ['Fast 9000', 'svm']);
  assert.deepEqual(processorsOf('')['CPU Virtualization'], 'none');
});

const status = (config: string): string => `  pool: zones\n state: ONLINE\n scrub: none requested\nconfig:\n\n\tNAME        STATE     READ WRITE CKSUM\n\tzones       ONLINE       0     0     0\n${config}\nerrors: No known data errors\n`;

test("a pool's disks and profile are those of its data, not of its log, cache and spares", () => {
  const row = (depth: number, name: string): string => `\t${' '.repeat(depth)}${name}  ONLINE       0     0     0\n`;
  assert.deepEqual(layoutOf(status(row(2, 'sda')), 'zones'), { disks: ['sda'], profile: 'striped' });
  assert.deepEqual(layoutOf(status(row(2, 'mirror-0') + row(4, 'sda') + row(4, 'sdb') + row(2, 'mirror-1') + row(4, 'sdc') + row(4, 'sdd')), 'zones'), { disks: ['sda', 'sdb', 'sdc', 'sdd'], profile: 'mirror' });
  const raidz = row(2, 'raidz2-0') + row(4, 'sda') + row(4, 'sdb') + row(4, 'sdc') + row(0, 'logs') + row(2, 'nvme0n1') + row(0, 'cache') + row(2, 'nvme1n1');
  assert.deepEqual(layoutOf(status(raidz), 'zones'), { disks: ['sda', 'sdb', 'sdc'], profile: 'raidz2' });
  assert.deepEqual(layoutOf(status(row(2, '/var/lib/zones.img')), 'zones').disks, ['zones.img']);
  assert.deepEqual(layoutOf('no such pool', 'zones'), { disks: [], profile: 'striped' });
});

const nic = (name: string, more: object = {}) => ({ name, mac: `02:00:00:00:00:0${name.length}`, up: true, ip: '', physical: false, master: undefined, bond: undefined, ...more });

test('a nic tag is shown on the interface that carries it, with the address that the host has on its bridge', () => {
  const facts = describeNetworks([nic('eth0', { physical: true, ip: '192.0.2.1' }), nic('eth10', { physical: true, master: 'zwadmin' }), nic('zwadmin', { ip: '10.77.0.1' }), nic('zwback'), nic('veth123', { master: 'zwadmin' })], {
    admin: { bridge: 'zwadmin', uplink: 'eth10', address: '10.77.0.1/24' },
    external: { bridge: 'zwadmin', uplink: 'eth10' },
    backend: { bridge: 'zwback' },
  });
  assert.deepEqual(Object.keys(facts['Network Interfaces'] ?? {}), ['eth0', 'eth10', 'zwback']);
  assert.deepEqual(facts['Network Interfaces']?.['eth10'], { 'MAC Address': '02:00:00:00:00:05', ip4addr: '10.77.0.1', 'Link Status': 'up', 'NIC Names': ['admin', 'external'] });
  assert.deepEqual(facts['Network Interfaces']?.['zwback']?.['NIC Names'], ['backend'], 'a network of this node alone is carried by its bridge');
  assert.deepEqual(facts['Virtual Network Interfaces'], { zwadmin: { 'MAC Address': '02:00:00:00:00:07', ip4addr: '10.77.0.1', 'Link Status': 'up', 'Host Interface': 'eth10', VLAN: '0' } });
  assert.deepEqual([facts['Admin NIC Tag'], facts['Admin IP']], ['admin', '10.77.0.1']);
});

test('a bond is an aggregation and carries tags as any interface; a host without an admin network says nothing of one', () => {
  const facts = describeNetworks([nic('aggr0', { physical: true, bond: { mode: 'active', members: ['eth0', 'eth1'] }, master: 'zwx' })], { external: { bridge: 'zwx' } });
  assert.deepEqual(facts['Link Aggregations'], { aggr0: { 'LACP mode': 'active', Interfaces: ['eth0', 'eth1'] } });
  assert.deepEqual(facts['Network Interfaces']?.['aggr0']?.['NIC Names'], ['external']);
  assert.ok(!('Admin IP' in facts) && !('Admin NIC Tag' in facts));
});

test('the shell form gives a shell the same values, whatever is in them', () => {
  const hostile = { UUID: A ?? '', Hostname: "it's $(touch /tmp/no) `x` \"y\"\\", 'MiB of Memory': '64', Setup: 'true', Disks: { 'sd a': { 'Size in GB': 3 } }, 'Network Interfaces': { eth0: { 'MAC Address': 'm', 'NIC Names': ['a', 'b'] } } } as const;
  const script = `${shellForm(sysinfoSchema.parse(hostile))}\nprintf '%s|' "$Hostname" "$MiB_of_Memory" "$Disks_sd_a_Size_in_GB" "$Network_Interfaces_eth0_NIC_Names"`;
  assert.equal(execFileSync('sh', ['-c', script], { encoding: 'utf8' }), `${hostile.Hostname}|64|3|a,b|`);
});

test('a host that is not set up says so, in the types of the field', async () => {
  const sysinfo = sysinfoSchema.parse(await sysinfoOf(undefined));
  assert.equal(sysinfo.Setup, 'false');
  assert.equal(typeof sysinfo['MiB of Memory'], 'string');
  assert.match(String(sysinfo['Boot Time']), /^\d{9,}$/);
  assert.match(sysinfo['Live Image'] ?? '', /^\d{8}T\d{6}Z$/);
  assert.ok(!('Zpool' in sysinfo));
});
