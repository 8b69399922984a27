/** The package, from its installation to its purge, on a Debian host with systemd on which zones run. In this order. */
import assert from 'node:assert/strict';
import { copyFile, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildSeed } from '../../images/seed/build.ts';
import { COMMANDS } from '../../images/platform/executable.ts';
import { bootGuest, type Guest } from './support/guest.ts';
import { NEWER, OLDER, packages } from './support/prepare.ts';

const INSTALL = 'apt-get -q -o Dpkg::Use-Pty=0 install --yes --no-install-recommends';

let shared: string;
let guest: Guest;
let zone = '';

before(async () => {
  shared = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? '/tmp', 'zw-deb-'));
  await cp(await packages(), shared, { recursive: true });
  const seed = await buildSeed('minimal');
  const manifest = seed.manifests.find(({ type }) => type === 'lx-dataset');
  await copyFile(seed.archive, join(shared, 'image.tar.zst'));
  await copyFile(manifest?.path ?? '', join(shared, 'image.imgmanifest'));
  guest = await bootGuest(shared);
});

after(async () => {
  await guest?.end();
  await rm(shared, { recursive: true, force: true });
});

test('apt installs the package with what it depends on; no node is made and nothing of it runs', async () => {
  const said = await guest.must(`${INSTALL} ${packageOf(OLDER)} 2>&1`);
  assert.match(said, /zonewright: `zonewright doctor` says what this host can do, `zonewright setup` makes it a node\.\n/);
  const { stdout } = await guest.run(`
    ls -d /etc/zonewright /zones 2>&1; systemctl is-active zonewright-zfs zonewright-node zonewright-agent; systemctl is-enabled zonewright-node zonewright-agent; zpool list -H
    systemd-analyze verify /usr/lib/systemd/system/zonewright-*.service 2>&1 | grep zonewright; dpkg --verify zonewright; echo end`);
  assert.equal(stdout, "ls: cannot access '/etc/zonewright': No such file or directory\nls: cannot access '/zones': No such file or directory\ninactive\ninactive\ninactive\ndisabled\ndisabled\nend\n");
});

test('every command is in the path of root, has help and a manual page', async () => {
  for (const command of COMMANDS) {
    const { stdout, exitCode } = await guest.run(`command -v ${command} && man -w ${command} && ${command} --help`);
    assert.equal(exitCode, 0, command);
    assert.match(stdout, new RegExp(`^/usr/sbin/${command}\n/usr/share/man/man8/${command}\\.8\\.gz\n(.*\n)*.*Usage:`), command);
  }
  assert.match(await guest.must('zonewright --version'), /^Zonewright \d/);
  assert.match(await guest.must('imgadm --version'), /^imgadm \d/);
});

test('bash completes its commands, with bash-completion and without', async () => {
  assert.match(await guest.must('. /usr/share/bash-completion/completions/zonewright; complete -p vmadm'), /^complete -F _zonewright_complete vmadm$/m);
  for (const command of COMMANDS) {
    const script = `. /usr/share/bash-completion/bash_completion; _completion_loader ${command} || [ $? = 124 ]; complete -p ${command}`;
    assert.match(await guest.must(`bash -c '${script}'`), new RegExp(`^complete -F _zonewright_complete ${command}$`, 'm'));
  }
});

test('a head node says that it needs PostgreSQL, and how to have it', async () => {
  const { stderr, exitCode } = await guest.run('zonewright head run --data /tmp/head');
  assert.equal(exitCode, 2);
  assert.match(stderr, /this program has no embedded database\n.*apt-get install postgresql/);
});

test('manual pages are read without a warning', async () => {
  const said = await guest.must('for page in $(dpkg -L zonewright | grep /usr/share/man/man./); do MANWIDTH=100 man --warnings=w -l "$page" 2>&1 >/dev/null; done; dpkg -L zonewright | grep -c /usr/share/man/man.');
  assert.match(said, /^\d+\n$/);
});

test('apt resolves what machines need, too, when it is asked for what the package recommends', async () => {
  const said = await guest.must(`apt-get install --simulate --yes ${packageOf(OLDER)} qemu-system-x86 qemu-utils ovmf busybox-static`);
  for (const name of ['qemu-system-x86', 'ovmf', 'busybox-static']) assert.match(said, new RegExp(`^Inst ${name} `, 'm'));
});

test('setup from the package makes a node, supervised by the units of the package', async () => {
  const said = await guest.must('zonewright setup --size 4');
  await guest.until('systemctl --quiet is-active zonewright-agent && [ -S /run/zonewright/agent.sock ]');
  assert.match(said, /^done +pool +zones made in \/var\/lib\/zonewright\/zones\.img$/m);
  assert.match(said, /^ok +commands +in \/usr\/sbin$/m);
  const { stdout } = await guest.run('ls /etc/systemd/system/*.service 2>/dev/null; systemctl is-enabled zonewright-zfs zonewright-node zonewright-agent zonewright-going-down; systemctl is-active zonewright-going-down; systemctl is-enabled zfs-fuse; systemctl --quiet is-active zfs-fuse || echo ended; zonewright setup | grep -vc ^ok');
  assert.equal(stdout, 'enabled\nenabled\nenabled\nenabled\nactive\ndisabled\nended\n0\n');
  assert.match(await guest.must('tr "\\0" "\\n" </proc/$(systemctl show --value -p MainPID zonewright-zfs)/environ'), /^LD_PRELOAD=\/usr\/lib\/zonewright\/.*\.so$/m);
});

test('an image is installed and a zone of it runs, with the tools that read its metadata', async () => {
  await guest.must('imgadm install -q -m /mnt/image.imgmanifest -f /mnt/image.tar.zst');
  const image = (JSON.parse(await readFile(join(shared, 'image.imgmanifest'), 'utf8')) as { uuid: string }).uuid;
  const payload = { brand: 'lx', alias: 'web', image_uuid: image, ram: 128, kernel_version: '5.10', nics: [{ nic_tag: 'admin', ip: '10.77.0.5', netmask: '255.255.255.0' }], customer_metadata: { colour: 'green' } };
  await guest.must(`echo '${JSON.stringify(payload)}' | vmadm create`);
  zone = (await guest.must('vmadm lookup -1 alias=web state=running')).trim();
  assert.equal(await guest.must('zlogin web mdata-get colour'), 'green\n');
  assert.equal(await guest.must('ping -c 1 -W 20 10.77.0.5 | grep -o "1 received"'), '1 received\n');
});

test('an upgrade restarts the agent, and leaves zones, their pool and what is in /etc as they are', async () => {
  const look = `pgrep -f '[l]xc monitor.*${zone}'; zlogin ${zone} "cut -d' ' -f22 /proc/1/stat"; find /etc/zonewright /etc/systemd/system/zonewright* -type f | sort | xargs sha256sum; cat /etc/subuid`;
  await guest.must('mkdir -p /etc/systemd/system/zonewright-agent.service.d; printf "[Service]\\nNice=1\\n" >/etc/systemd/system/zonewright-agent.service.d/mine.conf; echo DATABASE_URL=x >/etc/zonewright/head.env; systemctl daemon-reload');
  const earlier = { state: await guest.must(look), agent: await agentPid(), zfs: await pidOf('zonewright-zfs') };
  await guest.must(`${INSTALL} ${packageOf(NEWER)}`);
  assert.equal(await guest.must("dpkg-query -W -f '${Version}' zonewright"), NEWER);
  await guest.until('vmadm list');
  assert.notEqual(await agentPid(), earlier.agent);
  assert.doesNotMatch(await guest.must(`readlink /proc/${await agentPid()}/exe`), /deleted/);
  assert.equal(await pidOf('zonewright-zfs'), earlier.zfs);
  assert.equal(await guest.must(look), earlier.state);
});

test('after a power cut the node comes back with its zone', async () => {
  await guest.powerCycle();
  assert.equal(await guest.until('vmadm lookup -1 alias=web state=running'), `${zone}\n`);
  assert.equal(await guest.must(`zlogin ${zone} mdata-get colour`), 'green\n');
});

test('a host that goes down shuts its zone down first, and comes back with it', async () => {
  await guest.must('mkdir -p /var/log/journal && journalctl --flush');
  await guest.reboot();
  assert.equal(await guest.until('vmadm lookup -1 alias=web state=running'), `${zone}\n`);
  assert.match(await guest.must('journalctl --quiet --output=cat -u zonewright-going-down'), new RegExp(`^${zone}  has shut down$`, 'm'));
});

test('removal ends agent and units; the zone runs on and nothing of the node is lost', async () => {
  await guest.must('apt-get -q remove --yes zonewright');
  const { stdout } = await guest.run(`
    systemctl is-active zonewright-agent; ls /usr/lib/zonewright /usr/sbin/vmadm 2>&1 | sort; ls /etc/zonewright; find /etc/systemd -name 'zonewright-*.service*'
    zpool list -H -o name,health; lxc-attach -P /run/zonewright/lxc ${zone} -- echo the zone runs`);
  assert.match(stdout, /^(inactive|failed)\nls: cannot access '\/usr\/lib\/zonewright': .*\nls: cannot access '\/usr\/sbin\/vmadm': .*\nhead\.env\nnode\.json\nserver-uuid\n/);
  assert.match(stdout, /\/etc\/systemd\/system\/zonewright-agent\.service\.d\nzones\tONLINE\nthe zone runs\n$/);
});

test('a purge takes the configuration away, says that pools stay, and leaves the pool and its zone', async () => {
  const said = await guest.must('apt-get -q purge --yes zonewright 2>&1');
  assert.match(said, /zonewright: pools and what is in them stay/);
  const left = await guest.must("find / -xdev -name '*zonewright*' -not -path '/proc/*' -not -path '/zones/*' -not -path '/var/cache/man/*' | sort");
  assert.equal(left, '/var/lib/zonewright\n');
  assert.match(await guest.must('zfs list -H -o name'), new RegExp(`^zones/${zone}$`, 'm'));
});

test('the pool that a purge left becomes a node again, with its zone', async () => {
  await guest.must(`${INSTALL} ${packageOf(NEWER)}; zonewright setup --adopt --file /var/lib/zonewright/zones.img`);
  assert.equal(await guest.until('vmadm lookup -1 alias=web'), `${zone}\n`);
  await guest.must(`vmadm delete ${zone} 2>&1`);
  assert.equal(await guest.must('vmadm list -H'), '');
});

function packageOf(version: string): string {
  return `/mnt/zonewright_${version}_amd64.deb`;
}

async function pidOf(unit: string): Promise<string> {
  return (await guest.must(`systemctl show --value -p MainPID ${unit}`)).trim();
}

function agentPid(): Promise<string> {
  return pidOf('zonewright-agent');
}
