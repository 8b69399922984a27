/**
 * `zonewright boot`: what a RAM-booted host does to become what it was. This file is the plot; each part is somebody else's.
 * The agent, which boots the instances, and the judgement of a platform image that is on trial are units of their own: nobody
 * who wants to log in waits for them.
 */
import { existsSync } from 'node:fs';
import { nodeConfigPath, readNode, type Node } from '../../host/config/node-config.ts';
import { PLATFORM_FILE } from '../../host/config/platform.ts';
import { run } from '../../host/run/run.ts';
import { systemdRuns } from '../setup/systemd.ts';
import { isRescue, kernelParameters } from './kernel-parameters.ts';
import { tellStory, type Say, type Story } from './story.ts';

const INSTALL_UNIT = 'zonewright-install.service';
const DEVICES_SECONDS = 120;

/** Boot this host. @returns the exit status: 1 when a part of it failed */
export async function boot(say: Say): Promise<number> {
  if (!existsSync(PLATFORM_FILE)) return bootOnDisk(say);
  const story = tellStory(say);
  const parameters = await kernelParameters();
  if (isRescue(parameters)) {
    story.say('rescue', 'the pool is left alone, as the kernel parameter noimport says; there is a root shell on each console');
    return 0;
  }
  const node = await story.part('pool', findNode);
  if (node) await bringBack(node, story);
  else if (story.failures.length === 0) await story.part('first boot', () => goOnInstalling('this machine is no node yet: it is being set up'));
  if (story.failures.length > 0) story.say('boot', `${story.failures.join(', ')} failed; journalctl -u zonewright-platform says more, and with the kernel parameter noimport the machine starts for rescue`);
  return story.failures.length === 0 ? 0 : 1;
}

/** The node that this machine is; undefined when it is none yet. Before init it was looked for on what is there by then. */
async function findNode(): Promise<Node | undefined> {
  if (!existsSync(nodeConfigPath())) await run(['udevadm', 'settle', `--timeout=${DEVICES_SECONDS}`], { acceptExitCodes: [0, 1] });
  const { restoreNode } = await import('./restore-node.ts');
  await restoreNode();
  return existsSync(nodeConfigPath()) ? readNode() : undefined;
}

async function bringBack(node: Node, story: Story): Promise<void> {
  story.say('pool', `${node.pool} of node ${node.serverUuid}`);
  await story.part('persistence', async () => {
    const [{ mountPersistent }, { activateSwap }] = await Promise.all([import('../persistence/mount-persistent.ts'), import('../persistence/swap.ts')]);
    await mountPersistent(node);
    return ['mounted', ...(await activateSwap(node))].join('; ');
  });
  await story.part('network', async () => {
    const { bringUpNetwork } = await import('../network/bring-up.ts');
    const { document, from, addresses, problems } = await bringUpNetwork({ node });
    return [document ? `from the ${from}` : 'nobody said how', ...addresses.map(({ tag, address }) => `${tag} ${address}`), ...problems].join('; ');
  });
  await story.part('node', async () => {
    const { setUp } = await import('../setup/setup.ts');
    await setUp({}, ({ state, step, fact }) => {
      if (state !== 'ok') story.say('node', `${step}: ${fact}`);
    });
    return undefined;
  });
  await story.part('trial', async () => {
    const { noteUnsettled } = await import('../platform/trial.ts');
    await noteUnsettled(node);
  });
  await story.part('installation', async () => {
    const { readPending } = await import('../firstboot/pending.ts');
    return (await readPending(node)) ? goOnInstalling('an installation was interrupted: it goes on') : undefined;
  });
  await story.part('head', async () => {
    const { ensureHead } = await import('../head/ensure-head.ts');
    return ensureHead(node);
  });
}

/** Not here: it asks a person, or waits for a head node, and what it waits for may wait for the end of this. */
async function goOnInstalling(meaning: string): Promise<string> {
  if (!systemdRuns()) return 'there is no systemd here: `zonewright install` sets this machine up';
  await run(['systemctl', '--no-block', 'start', INSTALL_UNIT]);
  return `${meaning}; journalctl -u ${INSTALL_UNIT}`;
}

/** Elsewhere everything but the instances is the business of the host's own init. */
async function bootOnDisk(say: Say): Promise<number> {
  const { bootInstances } = await import('./boot-instances.ts');
  const results = await bootInstances();
  for (const { uuid, outcome } of results) say(`${uuid}  ${outcome}`);
  return results.some(({ failed }) => failed) ? 1 : 0;
}
