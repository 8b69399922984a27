/** What goes into dnsmasq's files, iPXE's scripts and kernel command lines: the good ones as they are to be, the bad ones refused. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bootParamsSchema, type BootParams } from '../../../headnode/boot/boot-params.ts';
import { cpioArchive } from '../../../headnode/boot/cpio.ts';
import { dnsmasqConfig, dnsmasqHosts, type DhcpOptions } from '../../../headnode/boot/dnsmasq-config.ts';
import { bootScript } from '../../../headnode/boot/ipxe-script.ts';
import { kernelArguments } from '../../../headnode/boot/kernel-arguments.ts';
import { modulesOf } from '../../../headnode/boot/modules.ts';
import type { Machine, Site } from '../../../headnode/boot/snapshot.ts';
import { isErrorCode } from '../../../host/errors/errors.ts';
import { run } from '../../../host/run/run.ts';

const SITE: Site = {
  datacenter: 'here',
  network: { uuid: '00000000-0000-4000-8000-00000000000b', subnet: '10.88.0.0/24', netmask: '255.255.255.0', resolvers: [] },
  head: { heads: ['https://10.88.0.1:8443'], ca_sha256: 'ab'.repeat(32) },
};
const OPTIONS: DhcpOptions = {
  interface: 'zwadmin',
  address: '10.88.0.1',
  httpPort: 80,
  range: { start: '10.88.0.200', end: '10.88.0.250' },
  loaders: '/usr/lib/ipxe',
  files: { leases: '/zones/head/boot/leases', hosts: '/zones/head/boot/hosts' },
  user: 'dnsmasq',
};
const SERVER = { address: '10.88.0.1', port: 80 };
const STAMP = '20261121T154200Z';

/** Text that would become something else in at least one of the forms. */
const HOSTILE = ['a b', 'a\nb', 'a\rdhcp-script=/bin/sh', 'a,b', 'a;b', '$(reboot)', '${net0/mac}', '`id`', 'a"b', "a'b", 'a\\b', 'a#b', 'a|b', 'a&&b', '||', '', 'ä', '\0', 'x'.repeat(300), '../../etc/shadow', '{x}', '<x>', 'a!b', '*'];

const isRefused = (error: unknown): boolean => isErrorCode(error, 'BootConfigInvalid');

function machine(change: Partial<Machine> = {}): Machine {
  return { mac: '52:54:00:00:00:01', ip: '10.88.0.10', hostname: 'rack-1', params: { platform: STAMP }, networking: undefined, ...change };
}

describe("dnsmasq's configuration", () => {
  it('serves one interface, gives no DNS, and names loaders for BIOS, UEFI and iPXE', () => {
    const lines = dnsmasqConfig({ network: { ...SITE.network, gateway: '10.88.0.254', resolvers: ['10.88.0.2', '10.88.0.3'] } }, { ...OPTIONS, httpPort: 8081 }).split('\n');
    for (const line of ['port=0', 'interface=zwadmin', 'bind-interfaces', 'dhcp-range=10.88.0.200,10.88.0.250,255.255.255.0,1h', 'dhcp-option=3,10.88.0.254', 'dhcp-option=6,10.88.0.2,10.88.0.3', 'dhcp-boot=tag:ipxe,http://10.88.0.1:8081/boot.ipxe', 'dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe,,10.88.0.1', 'dhcp-boot=tag:!ipxe,tag:efi,snponly.efi,,10.88.0.1']) {
      assert.ok(lines.includes(line), line);
    }
  });

  it('is one that dnsmasq takes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'zonewright-dnsmasq-'));
    try {
      await run(['/usr/sbin/dnsmasq', '--test', '--conf-file=-'], { input: dnsmasqConfig(SITE, { ...OPTIONS, files: { leases: join(directory, 'leases'), hosts: join(directory, 'hosts') } }) });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('takes no value that is not of its form', () => {
    for (const bad of HOSTILE) {
      for (const options of [{ interface: bad }, { address: bad }, { range: { start: bad, end: '10.88.0.250' } }, { range: { start: '10.88.0.200', end: bad } }, { user: bad }, { files: { leases: bad, hosts: '/x' } }, { files: { leases: '/x', hosts: bad } }]) {
        assert.throws(() => dnsmasqConfig(SITE, { ...OPTIONS, ...options }), isRefused, JSON.stringify(options));
      }
      assert.throws(() => dnsmasqConfig({ network: { ...SITE.network, gateway: bad } }, OPTIONS), isRefused, bad);
      assert.throws(() => dnsmasqConfig({ network: { ...SITE.network, resolvers: [bad] } }, OPTIONS), isRefused, bad);
    }
    for (const httpPort of [0, -1, 65_536, 1.5, Number.NaN]) if (httpPort !== 80) assert.throws(() => dnsmasqConfig(SITE, { ...OPTIONS, httpPort }), isRefused);
  });

  it('has a line for each machine, and none that is more than that', () => {
    assert.equal(dnsmasqHosts([machine(), machine({ mac: '52:54:00:00:00:00', ip: '10.88.0.9', hostname: '52-54-00-00-00-00' })]), '52:54:00:00:00:00,10.88.0.9,52-54-00-00-00-00,1h\n52:54:00:00:00:01,10.88.0.10,rack-1,1h\n');
    for (const bad of [...HOSTILE, 'rack_1', '-rack', 'a.b']) assert.throws(() => dnsmasqHosts([machine({ hostname: bad })]), isRefused, bad);
    for (const bad of [...HOSTILE, 'fd00::1', '10.88.0']) assert.throws(() => dnsmasqHosts([machine({ ip: bad })]), isRefused, bad);
    for (const bad of [...HOSTILE, '52:54:00:00:00:0g', '*:*:*:*:*:*']) assert.throws(() => dnsmasqHosts([machine({ mac: bad })]), isRefused, bad);
  });
});

describe('the command line of the kernel', () => {
  const words = (params: BootParams): readonly string[] => kernelArguments(machine({ params }));

  it('has consoles, flags, arguments and what the machine is', () => {
    assert.deepEqual(words({ kernel_args: { rack: 'a1', hostname: 'other', depth: 3 }, kernel_flags: { '-k': true, quiet: true, debug: false }, smt_enabled: false, default_console: 'vga', serial: 'ttyb' }), [
      'console=ttyS1,115200n8', 'console=tty0', 'quiet', 'nosmt', 'rack=a1', 'depth=3', 'hostname=rack-1', 'admin_nic=52:54:00:00:00:01', 'BOOTIF=01-52-54-00-00-00-01', 'panic=10',
    ]);
  });

  it('says that it is a trial, or rescue', () => {
    assert.deepEqual(kernelArguments(machine(), { trialSeconds: 90 }).slice(-3), ['panic=10', 'zonewright.failure=reboot', 'zonewright.trial=90']);
    assert.deepEqual(kernelArguments(machine({ params: { kernel_args: { noimport: 'false' } } }), { rescue: true }).filter((word) => word.startsWith('noimport')), ['noimport=true']);
  });

  it('takes no word that is more than one, neither here nor at the API', () => {
    for (const bad of HOSTILE.filter((text) => text !== '')) {
      assert.throws(() => words({ kernel_args: { [bad]: '1' } }), isRefused, bad);
      assert.throws(() => words({ kernel_flags: { [bad]: true } }), isRefused, bad);
      assert.throws(() => words({ serial: bad }), isRefused, bad);
      assert.equal(bootParamsSchema.safeParse({ kernel_args: { [bad]: '1' } }).success, false, bad);
      assert.equal(bootParamsSchema.safeParse({ kernel_flags: { [bad]: true } }).success, false, bad);
    }
    for (const bad of HOSTILE.filter((text) => text !== '' && text !== '../../etc/shadow' && text !== 'a,b')) {
      assert.throws(() => words({ kernel_args: { rack: bad } }), isRefused, bad);
      assert.equal(bootParamsSchema.safeParse({ kernel_args: { rack: bad } }).success, false, bad);
    }
  });

  it('has no secret', () => {
    for (const name of ['root_shadow', 'rabbitmq', 'join_token', 'password']) assert.equal(bootParamsSchema.safeParse({ kernel_args: { [name]: 'x' } }).success, false, name);
  });
});

describe("a machine's script", () => {
  it('names no platform, host or server that is more than that', () => {
    for (const bad of HOSTILE) {
      assert.throws(() => bootScript(machine(), { platform: bad, server: SERVER }), isRefused, bad);
      assert.throws(() => bootScript(machine(), { platform: STAMP, server: { ...SERVER, address: bad } }), isRefused, bad);
    }
    for (const bad of HOSTILE.filter((text) => text !== '' && text !== '../../etc/shadow' && text !== 'a,b')) assert.throws(() => bootScript(machine({ hostname: bad }), { platform: STAMP, server: SERVER }), isRefused, bad);
  });
});

describe('boot modules', () => {
  it('are ours, and those of the boot parameters that have other names', () => {
    const content = Buffer.from('x').toString('base64');
    const given = ['etc/motd', 'head.json', '/etc/motd', 'a//b', './answers.json'].map((path) => ({ path, type: 'base64' as const, content }));
    assert.deepEqual(modulesOf(machine({ params: { boot_modules: given } }), SITE).map(({ path }) => path), ['head.json', 'etc/motd', 'a/b', 'answers.json']);
  });

  it('lead nowhere else', () => {
    for (const path of ['../x', 'a/../../x', 'a b', 'a\nb', '']) assert.equal(bootParamsSchema.safeParse({ boot_modules: [{ path, content: '' }] }).success, false, path);
    for (const path of ['/x', '../x', 'a/../x', 'a//x', './x', 'a\0b', '']) assert.throws(() => cpioArchive([{ path, content: Buffer.from('x') }]), /no path/, path);
  });

  it('are an archive that cpio reads, and that another one may follow', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'zonewright-cpio-'));
    try {
      const archive = cpioArchive([{ path: 'boot-modules/a', content: Buffer.from('one') }, { path: 'boot-modules/etc/b', content: Buffer.alloc(1000, 'y') }]);
      assert.equal(archive.length % 512, 0);
      const { stdout } = await run(['cpio', '--list', '--verbose', '--numeric-uid-gid'], { input: archive });
      assert.deepEqual(stdout.trim().split('\n').map((line) => line.replace(/\s+/g, ' ').replace(/ \w{3} \d+ [\d:]+ /, ' ')), [
        'drwx------ 1 0 0 0 boot-modules',
        'drwx------ 1 0 0 0 boot-modules/etc',
        '-rw------- 1 0 0 3 boot-modules/a',
        '-rw------- 1 0 0 1000 boot-modules/etc/b',
      ]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
