import type { Node } from '../../host/config/node-config.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import type { Say } from '../boot/story.ts';
import { mountPersistent } from '../persistence/mount-persistent.ts';
import { activateSwap } from '../persistence/swap.ts';
import { giveAccess } from './access.ts';
import { forgetPending, readPending, type Pending } from './pending.ts';

/**
 * Do what is left of this node's installation: who may log in, and what the machine is besides a node. Each part may be done again, so
 * that a boot can go on with what a power cut interrupted. Does nothing on a node that is complete.
 */
export async function finishInstallation(node: Node, say: Say): Promise<void> {
  const pending = await readPending(node);
  if (!pending) return;
  await mountPersistent(node);
  for (const line of await activateSwap(node)) say(line);
  await giveAccess(pending.access);
  const platform = pending.bootable ? await bootFromDisks(say) : undefined;
  if (pending.head) await becomeHead(node, pending, platform, say);
  if (pending.join) await join(node, pending.join, say);
  await forgetPending(node);
}

/** Put the image that this machine was started from onto its disks. @returns where it is kept; undefined when there is none to be had */
async function bootFromDisks(say: Say): Promise<string | undefined> {
  const [{ openPlatformHost }, { installPlatform }, { activatePlatform }, { platformDirectory }] = await Promise.all([
    import('../platform/platform-host.ts'),
    import('../platform/install.ts'),
    import('../platform/activate.ts'),
    import('../platform/store.ts'),
  ]);
  const host = await openPlatformHost();
  try {
    const { stamp } = await installPlatform(host, { from: 'media', signal: new AbortController().signal, say });
    await activatePlatform(host, { stamp, final: true, say });
    say(`platform ${stamp} is on the disks: this machine starts from them without its medium`);
    return platformDirectory(host.node, stamp);
  } catch (error) {
    if (!isErrorCode(error, 'MediaMissing')) throw error;
    say('no platform image is on the disks yet, since there is no medium to take one from: `zonewright platform install` and `activate` put one there');
    return undefined;
  }
}

async function becomeHead(node: Node, { head, networking, access }: Pending, platform: string | undefined, say: Say): Promise<void> {
  if (!head) return;
  const [{ installHeadOnNode }, { findMedia }] = await Promise.all([import('../head/install-head.ts'), import('../../host/platform-source/media.ts')]);
  const hasMedia = await findMedia().then(() => true, () => false);
  await installHeadOnNode(
    {
      node,
      networking,
      dhcpRange: head.dhcpRange,
      datacenter: head.datacenter,
      setupNodes: head.setupNodes,
      // Who may log in to the head may log in to its nodes, unless somebody says otherwise.
      nodeSetup: { authorized_keys: access.authorizedKeys, ...(access.passwordHash === undefined ? {} : { root_shadow: access.passwordHash }) },
      platform: platform ?? (hasMedia ? 'media' : undefined),
    },
    say,
  );
}

async function join(node: Node, joining: NonNullable<Pending['join']>, say: Say): Promise<void> {
  const { readIdentity } = await import('../../agent/identity/identity.ts');
  if (await readIdentity(node)) return;
  if ('token' in joining) {
    const { joinFleet } = await import('../join/join-fleet.ts');
    const { head } = await joinFleet({ token: joining.token, again: false });
    return say(`joined ${head}`);
  }
  const [{ enrol }, { saveEnrolment }] = await Promise.all([import('../enrol/enrol.ts'), import('../enrol/save-enrolment.ts')]);
  await saveEnrolment(node, await enrol({ head: { heads: [joining.head], ca_sha256: joining.ca_sha256 }, report: say }));
  say(`joined ${joining.head}`);
}
