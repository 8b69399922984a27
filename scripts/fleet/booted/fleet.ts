import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { launch, type Launched } from '../../../host/run/launch.ts';
import { run } from '../../../host/run/run.ts';
import type { Emulator } from '../../../images/platform/emulator.ts';
import type { Checks } from '../check.ts';
import { newCustomer } from '../customer.ts';
import { stock, type Fleet } from '../fleet.ts';
import { INTERNAL, says, until, type Head } from '../head-host.ts';
import { answersDisc, answersOfHead } from './answers.ts';
import { assemble, makeSwitch, type BareMachine } from './machine.ts';
import { headOf, nodeOf, type BootedNode } from './members.ts';
import { letsIn, shellOf, stayConnected, type Access, type Helper } from './ssh.ts';

/** Versions of the platform image, each a directory beside the others: two as `npm run platform` makes them, and one that does not boot. */
export interface Platforms {
  readonly first: string;
  readonly second: string;
  readonly broken: string;
  /** What emulates the machines. */
  readonly emulator: Emulator;
}

/** What a fleet's machines run in; where it keeps their disks, which go with the sandbox, and what their consoles say, which stays. */
export interface Place extends Pick<Platforms, 'emulator'> {
  readonly directory: string;
  readonly logs: string;
}

export interface BootedFleet extends Fleet {
  readonly nodes: readonly BootedNode[];
  readonly machines: readonly BareMachine[];
  readonly access: Access;
  /** Where the platforms can be fetched from, by the names of their directories. */
  readonly files: string;
  /** Programs that serve it from the sandbox. */
  readonly helpers: readonly Helper[];
}

export const ADMIN = { sandbox: '10.88.0.254/24', head: '10.88.0.2', netmask: '255.255.255.0', first: '10.88.0.100', last: '10.88.0.199' } as const;
/** Where customers' instances are. */
const CUSTOMERS = { sandbox: '10.88.1.254/24', subnet: '10.88.1.0/24' } as const;
const ROOT = join(import.meta.dirname, '../../..');
const NODES = [
  { name: 'node1', firmware: 'bios', mac: '52:54:00:88:00:11', mebibytes: 3072 },
  { name: 'node2', firmware: 'uefi', mac: '52:54:00:88:00:12', mebibytes: 3072 },
] as const;
const HEAD = { name: 'head', firmware: 'bios', mac: '52:54:00:88:00:02', mebibytes: 3584 } as const;
/** A word that no kernel heeds: it is only looked for. */
const FOR_NODES = { 'zonewright.fleet': 'booted' } as const;
/** Installing a head, with a database of its own, on an emulated processor. */
const INSTALL_SECONDS = 900;

interface CnapiServer {
  readonly uuid: string;
  readonly status: string;
  readonly setup: boolean;
  readonly sysinfo?: { readonly 'Network Interfaces'?: Readonly<Record<string, { readonly 'MAC Address'?: string; readonly ip4addr?: string; readonly 'NIC Names'?: readonly string[] }>> };
}

/** Switch on a head with a CD and a file of answers, and two machines with nothing; wait until they are a fleet. */
export async function bootFleet(place: Place, { first }: Platforms, checks: Checks): Promise<BootedFleet> {
  const { directory, logs } = place;
  for (const path of [directory, logs]) await mkdir(path, { recursive: true });
  await makeSwitch(ADMIN.sandbox);
  await run(['ip', 'address', 'add', CUSTOMERS.sandbox, 'dev', 'fleet']);
  const access = await operatorsKey(directory);
  const { server, url: files } = await serveFiles(dirname(first), logs);
  const { machine: headMachine, head, connection } = await bootHead(place, first, access, checks);
  const { machines, nodes, connections } = await bootNodes(place, head, access, checks);
  await head.command('network', 'add', 'fleet', CUSTOMERS.subnet, '--nic-tag', 'admin', '--start', '10.88.1.100', '--end', '10.88.1.199');
  const { zoneImage, machineImage } = await stock(head, 'imgadm', checks);
  await apisAnswerHere();
  const customer = await newCustomer(head, { host: sandboxShell, directory }, 'alice', checks.tell);
  return { head, nodes, customer, zoneImage, machineImage, machines: [headMachine, ...machines], access, files, helpers: [server, connection, ...connections] };
}

/** The sandbox itself, at which the customer sits. */
const sandboxShell: Parameters<typeof newCustomer>[1]['host'] = {
  argv: (argv) => [...argv],
  run: (argv, { environment, ...options } = {}) => run(argv, { timeout: 1_200_000, cwd: ROOT, ...options, environment: { HOME: '/root', ...environment } }),
};

/** Files of a directory over HTTP, for whoever is on the switch. */
async function serveFiles(directory: string, logs: string): Promise<{ readonly server: Launched; readonly url: string }> {
  const address = `${ADMIN.sandbox.split('/')[0]}:8000`;
  const log = await open(join(logs, 'files.log'), 'a', 0o600);
  const server = await launch(['busybox', 'httpd', '-f', '-p', address, '-h', directory], { log: log.fd });
  await log.close();
  return { server, url: `http://${address}` };
}

async function operatorsKey(directory: string): Promise<Access> {
  const key = join(directory, 'operator');
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'operator', '-f', key]);
  const knownHosts = join(directory, 'known_hosts');
  await writeFile(knownHosts, '');
  return { key, knownHosts };
}

async function bootHead(place: Place, platform: string, access: Access, checks: Checks): Promise<{ machine: BareMachine; head: Head; connection: Helper }> {
  checks.stage('A head node boots from its CD, unattended');
  const answers = await answersDisc(place.directory, await answersOfHead({ mac: HEAD.mac, address: ADMIN.head, netmask: ADMIN.netmask, first: ADMIN.first, last: ADMIN.last, publicKey: `${access.key}.pub` }));
  const machine = await assemble({ ...HEAD, ...place, media: [await isoIn(platform), answers] });
  const host = shellOf(machine, ADMIN.head, access);
  const head = headOf(machine, host);
  await machine.powerOn('cd');
  const connection = await connectToHead(place.logs, access);
  await checks.see(`the head has installed itself and lets its operator in at ${ADMIN.head}`, () => letsIn(host), INSTALL_SECONDS);
  await checks.see('its APIs answer, and it has a platform for machines that boot from the network', () => says(async () => (await head.api<{ platform?: string }>('/boot/default')).platform !== undefined), INSTALL_SECONDS);
  return { machine, head, connection };
}

async function bootNodes(place: Place, head: Head, access: Access, checks: Checks): Promise<{ machines: BareMachine[]; nodes: BootedNode[]; connections: Helper[] }> {
  checks.stage('Two bare machines boot over the network: one by BIOS, one by UEFI');
  await head.host.run(['curl', '--silent', '--show-error', '--fail-with-body', '--json', JSON.stringify({ kernel_args: FOR_NODES }), `${INTERNAL}/boot/default`]);
  const machines = await Promise.all(NODES.map((node) => assemble({ ...node, ...place })));
  for (const machine of machines) await machine.powerOn('network');
  await checks.see('meanwhile the head has become a server of its own', async () => (await serversOf(head)).some(({ setup, status }) => setup && status === 'running'), INSTALL_SECONDS);
  const nodes: BootedNode[] = [];
  const connections: Helper[] = [];
  for (const [index, { name, mac, firmware }] of NODES.entries()) {
    let [uuid, address] = ['', ''];
    await checks.see(`${name} has booted by ${firmware === 'bios' ? 'BIOS' : 'UEFI'} and PXE, has joined, and is set up`, async () => {
      const server = (await serversOf(head)).find((one) => addressOf(one, mac) !== undefined);
      [uuid, address] = server ? [server.uuid, addressOf(server, mac) ?? ''] : ['', ''];
      return server?.setup === true && server.status === 'running' && address !== '';
    }, INSTALL_SECONDS);
    const machine = machines[index];
    if (!machine) throw new Error(`${name} has no machine`);
    const host = shellOf(machine, address, access);
    connections.push(await stayConnected(address, access, { log: join(place.logs, `${name}.ssh.log`) }));
    await checks.see(`${name} lets the operator in at ${address}`, () => letsIn(host));
    await checks.see(`${name} boots with the parameters that the head was told`, async () => (await host.run(['cat', '/proc/cmdline'])).stdout.includes(Object.entries(FOR_NODES).map(([key, value]) => `${key}=${value}`).join(' ')));
    nodes.push(nodeOf(machine, host, uuid));
  }
  return { machines, nodes, connections };
}

/** CNAPI's servers; none while the head is still on its way. */
export async function serversOf({ host }: Pick<Head, 'host'>): Promise<CnapiServer[]> {
  const { stdout, exitCode } = await host.run(['curl', '--silent', '--fail', '--max-time', '30', 'http://127.0.0.1:8080/servers?extras=sysinfo'], { acceptExitCodes: Array.from({ length: 256 }, (_, code) => code) });
  return exitCode === 0 ? (JSON.parse(stdout) as CnapiServer[]) : [];
}

/** The address of a server whose port has this MAC address, on the admin network; '' while it has none. */
function addressOf({ sysinfo }: CnapiServer, mac: string): string | undefined {
  const nics = Object.values(sysinfo?.['Network Interfaces'] ?? {});
  return nics.some((nic) => nic['MAC Address']?.toLowerCase() === mac) ? (nics.map(({ ip4addr }) => ip4addr ?? '').find((address) => address !== '') ?? '') : undefined;
}

/** The head's APIs listen on its loopback: an operator's tunnel brings them here. */
function connectToHead(logs: string, access: Access): Promise<Helper> {
  return stayConnected(ADMIN.head, access, { log: join(logs, 'tunnel.log'), forwards: [8080, 8090].map((port) => `127.0.0.1:${port}:127.0.0.1:${port}`) });
}

async function apisAnswerHere(): Promise<void> {
  await until('the head’s APIs answer through the tunnel', 60, async () => (await run(['curl', '--silent', '--output', '/dev/null', 'http://127.0.0.1:8080/servers'], { acceptExitCodes: Array.from({ length: 256 }, (_, code) => code) })).exitCode === 0);
}

async function isoIn(platform: string): Promise<string> {
  const iso = (await readdir(platform)).find((name) => name.endsWith('.iso'));
  if (iso === undefined) throw new Error(`no ISO in ${platform}`);
  return join(platform, iso);
}
