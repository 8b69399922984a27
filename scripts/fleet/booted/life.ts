/** What happens to a fleet in its life: power is lost, versions change, the head goes down. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Checks } from '../check.ts';
import { says, type Head } from '../head-host.ts';
import type { Shell } from '../hosts.ts';
import type { FleetNode } from '../node-host.ts';
import { serversOf, type BootedFleet, type Platforms } from './fleet.ts';
import { vmsOn } from './inside.ts';
import type { BootedNode } from './members.ts';
import { letsIn } from './ssh.ts';

const BOOT_SECONDS = 600;
const AGENT_SOCKET = '/run/zonewright/agent.sock';

/** One node loses its power, and the other one is given a version that is broken on purpose: both are back by themselves. */
export async function twoMisfortunes(fleet: BootedFleet, { first, second, broken }: Platforms, checks: Checks): Promise<void> {
  const { head, nodes: [one, other] } = fleet;
  if (!one || !other) throw new Error('a fleet has two nodes');
  checks.stage(`The power of ${one.host.name} is cut, and ${other.host.name} is given a version that is broken on purpose`);
  await takeIn(fleet, broken);
  const misfortunes = [powerIsCut(one, head, checks), returnsFrom(other, head, { broken, usual: first, console: consoleOf(fleet, other) }, checks)];
  await Promise.all([...misfortunes, takeIn(fleet, second)]);
}

/** It boots over the network again, and everything that ran there runs again. */
async function powerIsCut(node: BootedNode, head: Head, checks: Checks): Promise<void> {
  const { name } = node.host;
  const had = await runningOn(node);
  const traces = await leaveTraces(node.host);
  await node.kill();
  await checks.see(`the head sees that ${name} is gone`, async () => (await statusOf(head, node)) === 'unknown');
  await node.start();
  await checks.see(`${name} is back with all of its ${had.length} instances running`, () => runsAll(node, had), BOOT_SECONDS);
  await checks.see(`the head knows that ${name} is there`, async () => (await statusOf(head, node)) === 'running');
  await checks.see(`${name} has kept /opt, its host key, its machine id and the password that was set the moment before`, async () => (await tracesOn(node.host)) === traces);
  await checks.see(`a file outside of what is kept is gone from ${name}, as zonewright config lost would have said`, async () => (await node.host.run(['test', '-e', '/srv/gone'], { acceptExitCodes: [0, 1] })).exitCode === 1);
}

function consoleOf({ machines }: BootedFleet, { host }: FleetNode): string {
  return machines.find(({ name }) => name === host.name)?.console ?? '';
}

/** What an operator leaves on a node, the moment before: what a command has reported as done is on the disk. */
async function leaveTraces({ run }: Shell): Promise<string> {
  await run(['sh', '-c', 'echo kept >/opt/kept && sync /opt/kept && echo gone >/srv/gone']);
  await run(['chpasswd'], { input: 'root:correct horse battery\n' });
  return tracesOn({ run });
}

/** File in /opt, host key, machine id, the line of root's password. */
async function tracesOn({ run }: Pick<Shell, 'run'>): Promise<string> {
  return (await run(['sh', '-c', 'cat /opt/kept /etc/ssh/ssh_host_ed25519_key.pub /etc/machine-id; grep ^root: /etc/shadow'])).stdout;
}

/** Both nodes are given a second version of the platform, one after the other, as a trial. */
export async function secondVersion({ head, nodes }: BootedFleet, { second }: Platforms, checks: Checks): Promise<void> {
  checks.stage('A second version of the platform, one node at a time');
  for (const node of nodes) await tryOn(node, head, second, checks);
}

/** The head has a version of the platform from now on. */
async function takeIn({ head, files }: BootedFleet, directory: string): Promise<void> {
  await head.command('platform', 'install', `${files}/${basename(directory)}/`);
}

async function tryOn(node: BootedNode, head: Head, directory: string, checks: Checks): Promise<void> {
  const [{ uuid }, stamp, had] = [node, stampOf(directory), await runningOn(node)];
  await head.command('platform', 'assign', stamp, uuid, '--trial');
  await reboot(node.host);
  await checks.see(`${node.host.name} has booted ${stamp}`, () => says(async () => (await versionOf(node.host)) === stamp), BOOT_SECONDS);
  await checks.see(`all of its ${had.length} instances run again`, () => runsAll(node, had), BOOT_SECONDS);
  await checks.see(`${stamp} is what it boots from now on`, async () => (await head.api<{ platform?: string }>(`/boot/${uuid}`)).platform === stamp, BOOT_SECONDS);
}

/** A kernel that panics ends the trial by itself. */
async function returnsFrom(node: BootedNode, head: Head, { broken, usual, console }: { readonly broken: string; readonly usual: string; readonly console: string }, checks: Checks): Promise<void> {
  const [had, before] = [await runningOn(node), await bootIdOf(node.host)];
  await head.command('platform', 'assign', stampOf(broken), node.uuid, '--trial');
  await reboot(node.host);
  await checks.see(`${node.host.name} has panicked with ${stampOf(broken)}`, async () => (await readFile(console, 'utf8')).includes('Kernel panic'), BOOT_SECONDS);
  await checks.see(`${node.host.name} has returned to ${stampOf(usual)} by itself`, () => says(async () => (await bootIdOf(node.host)) !== before && (await versionOf(node.host)) === stampOf(usual)), BOOT_SECONDS);
  await checks.see(`all of the ${had.length} instances of ${node.host.name} run again`, () => runsAll(node, had), BOOT_SECONDS);
}

/** The head is rebooted; meanwhile and afterwards everything runs. */
export async function headIsRebooted({ head, nodes }: BootedFleet, checks: Checks): Promise<void> {
  checks.stage('The head is rebooted');
  const had = await Promise.all(nodes.map(runningOn));
  await reboot(head.host);
  await checks.see('it goes down', async () => !(await letsIn(head.host)), 180);
  await checks.see('meanwhile every instance runs', async () => (await Promise.all(nodes.map((node, index) => runsAll(node, had[index] ?? [])))).every(Boolean));
  await checks.see('it is back, and all servers are running', () => says(() => allServersRun(head)), BOOT_SECONDS);
}

/** What a person sees of it all, at the end. */
export async function allServersRun(head: Head): Promise<boolean> {
  const servers = await serversOf(head);
  return servers.length > 0 && servers.every(({ status, setup }) => status === 'running' && setup);
}

async function runningOn(node: Pick<FleetNode, 'vmadm'>): Promise<string[]> {
  return (await vmsOn(node)).filter(({ state }) => state === 'running').map(({ uuid }) => uuid).toSorted();
}

/** Whether it runs them; not, while it cannot say. Without its agent it could say so, at the cost of what brings them back. */
function runsAll(node: FleetNode, had: readonly string[]): Promise<boolean> {
  return says(async () => {
    await node.host.run(['test', '-S', AGENT_SOCKET]);
    return sameAs(had, await runningOn(node));
  });
}

async function statusOf(head: Head, { uuid }: BootedNode): Promise<string | undefined> {
  return (await serversOf(head)).find((server) => server.uuid === uuid)?.status;
}

async function reboot({ run }: Shell): Promise<void> {
  await run(['systemctl', 'reboot'], { acceptExitCodes: [0, 255] });
}

function sameAs(had: readonly string[], now: readonly string[]): boolean {
  return had.every((uuid) => now.includes(uuid));
}

async function versionOf(host: Shell): Promise<string> {
  return (JSON.parse((await host.run(['cat', '/etc/zonewright-platform'])).stdout) as { version: string }).version;
}

function stampOf(directory: string): string {
  return directory.split('platform-').at(-1) ?? '';
}

async function bootIdOf({ run }: Shell): Promise<string> {
  return (await run(['cat', '/proc/sys/kernel/random/boot_id'])).stdout;
}
