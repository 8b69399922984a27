/** What happens to a fleet in its life: power is lost, versions change, the head goes down. */
import type { Checks } from '../check.ts';
import type { Head } from '../head-host.ts';
import type { Shell } from '../hosts.ts';
import type { FleetNode } from '../node-host.ts';
import type { BootedFleet, Platforms } from './fleet.ts';
import { serversOf } from './fleet.ts';
import { vmsOn } from './inside.ts';
import { letsIn } from './ssh.ts';

const BOOT_SECONDS = 600;

/** A node's power is cut; it boots over the network again, and everything that ran there runs again. */
export async function powerIsCut({ head, nodes: [node] }: BootedFleet, checks: Checks): Promise<void> {
  if (!node) throw new Error('a fleet has a node');
  checks.tell(`\n== The power of ${node.host.name} is cut`);
  const had = await runningOn(node);
  const traces = await leaveTraces(node.host);
  await node.kill();
  await checks.see(`the head sees that ${node.host.name} is gone`, async () => (await head.servers()).some(({ status }) => status === 'unknown'));
  await node.start();
  await checks.see(`${node.host.name} is back with all of its ${had.length} instances running`, async () => sameAs(had, await runningOn(node)), BOOT_SECONDS);
  await checks.see('the head knows it', async () => (await head.servers()).every(({ status }) => status === 'running'));
  await checks.see('it has kept /opt, its host key, its machine id and the password that was set the moment before', async () => (await tracesOn(node.host)) === traces);
  await checks.see('a file outside of what is kept is gone, as `zonewright config lost` would have said', async () => (await node.host.run(['test', '-e', '/srv/gone'], { acceptExitCodes: [0, 1] })).exitCode === 1);
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
  checks.tell('\n== A second version of the platform, one node at a time');
  const stamp = second.split('platform-').at(-1) ?? '';
  await head.command('platform', 'install', await head.host.bring(`${second}/platform-${stamp}.tar`));
  for (const node of nodes) {
    const had = await runningOn(node);
    await head.command('platform', 'assign', stamp, await uuidOf(node), '--trial');
    await node.host.run(['systemctl', 'reboot'], { acceptExitCodes: [0, 255] });
    await checks.see(`${node.host.name} has booted ${stamp}`, async () => (await letsIn(node.host)) && (await versionOf(node.host)) === stamp, BOOT_SECONDS);
    await checks.see(`all of its ${had.length} instances run again`, async () => sameAs(had, await runningOn(node)), BOOT_SECONDS);
    await checks.see(`${stamp} is what it boots from now on`, async () => (await head.api<{ platform?: string }>(`/boot/${await uuidOf(node)}`)).platform === stamp);
  }
}

/** The head is rebooted; meanwhile and afterwards everything runs. */
export async function headIsRebooted({ head, nodes }: BootedFleet, checks: Checks): Promise<void> {
  checks.tell('\n== The head is rebooted');
  const had = await Promise.all(nodes.map(runningOn));
  await head.host.run(['systemctl', 'reboot'], { acceptExitCodes: [0, 255] });
  await checks.see('it goes down', async () => !(await letsIn(head.host)), 180);
  await checks.see('meanwhile every instance runs', async () => (await Promise.all(nodes.map(runningOn))).every((now, index) => sameAs(had[index] ?? [], now)));
  await checks.see('it is back, and all servers are running', async () => (await letsIn(head.host)) && (await allServersRun(head)), BOOT_SECONDS);
}

/** What a person sees of it all, at the end. */
export async function allServersRun(head: Head): Promise<boolean> {
  const servers = await serversOf(head);
  return servers.length > 0 && servers.every(({ status, setup }) => status === 'running' && setup);
}

async function runningOn(node: Pick<FleetNode, 'vmadm'>): Promise<string[]> {
  return (await vmsOn(node)).filter(({ state }) => state === 'running').map(({ uuid }) => uuid).toSorted();
}

function sameAs(had: readonly string[], now: readonly string[]): boolean {
  return had.every((uuid) => now.includes(uuid));
}

async function versionOf(host: Shell): Promise<string> {
  return (JSON.parse((await host.run(['cat', '/etc/zonewright-platform'])).stdout) as { version: string }).version;
}

async function uuidOf({ host }: FleetNode): Promise<string> {
  return (JSON.parse((await host.run(['sysinfo'])).stdout) as { UUID: string }).UUID;
}
