/** Installations of which a head node has its part. */
import { existsSync } from 'node:fs';
import type { HeadFile, SetupParameters } from '../../agent/wire/enrol.ts';
import { nodeConfigPath } from '../../host/config/node-config.ts';
import { ZonewrightError } from '../../host/errors/errors.ts';
import type { Networking } from '../../host/net/networking.ts';
import type { Say } from '../boot/story.ts';
import { layoutFor, LEAST_DISKS } from '../disks/propose.ts';
import { selectDisks } from '../disks/select.ts';
import { enrol, type Enrolment } from '../enrol/enrol.ts';
import { nodeErrors } from '../errors.ts';
import { applyNetworking } from '../network/apply-networking.ts';
import { install } from './install.ts';
import { lookAtMachine, type Machine } from './machine.ts';
import { contentOf, type InstallPlan } from './plan.ts';
import { summaryOf } from './summary.ts';

/** Carry out a plan. A node of a fleet asks its head node first, and is that fleet's before anything is written. */
export async function carryOut(plan: InstallPlan, say: Say): Promise<void> {
  if (!plan.join || 'token' in plan.join) return install(plan, say);
  await applyNetworking(plan.networking);
  const enrolment = await enrol({ head: { heads: [plan.join.head], ca_sha256: plan.join.ca_sha256 }, report: say });
  const access = plan.access.passwordHash === undefined && plan.access.authorizedKeys.length === 0 ? accessOf(enrolment.setup) : plan.access;
  await told(enrolment, () => install({ ...plan, access }, say, enrolment));
}

/**
 * A machine whose boot said nothing but where its head node is: the head node says the rest when it has approved. After a set-up that failed
 * it asks again, and it is the head node's to say when another one is worth it.
 */
export async function installForHead(head: HeadFile, networking: Networking, say: Say): Promise<void> {
  for (;;) {
    const enrolment = await enrol({ head, report: say });
    try {
      await told(enrolment, () => installAsTold({ head, setup: enrolment.setup, networking }, say, enrolment));
      return;
    } catch (error) {
      // What has become a node goes on at its next boot.
      if (!(error instanceof ZonewrightError) || existsSync(nodeConfigPath())) throw error;
      for (const line of [`FAILED: ${error.message}`, ...error.details, ...(error.hint === undefined ? [] : [error.hint])]) say(line);
    }
  }
}

interface Order {
  readonly head: HeadFile;
  readonly setup: SetupParameters;
  readonly networking: Networking;
}

async function installAsTold(order: Order, say: Say, enrolment: Enrolment): Promise<void> {
  const plan = await planForHead(order, await lookAtMachine());
  for (const line of summaryOf(plan)) say(line);
  await install(plan, say, enrolment);
}

/**
 * The plan of a machine that its head node describes. Disks that it names are erased; `all` means disks that are empty, since machines
 * that were something else appear on such a network too.
 * @throws DisksNotEmpty, DiskUnusable, NoDiskFits, TooFewDisks
 */
export async function planForHead({ head, setup, networking }: Order, machine: Machine): Promise<InstallPlan> {
  const asked = setup.disks === 'all' ? 'all' : setup.disks.map((name) => (name.startsWith('/dev/') ? name : `/dev/${name}`));
  const disks = await selectDisks(machine.disks, asked);
  const content = contentOf(disks, machine);
  if (asked === 'all' && content.lost.length > 0) {
    throw nodeErrors.DisksNotEmpty({ contents: content.lost.map((disk) => `${disk.content ?? ''} on ${disk.path}`).join(', ') }, { hint: 'Name the disks in the setup of this server, and they are erased.' });
  }
  const layout = setup.layout === 'auto' ? layoutFor(disks.length) : setup.layout;
  if (disks.length < LEAST_DISKS[layout]) throw nodeErrors.TooFewDisks({ layout, least: LEAST_DISKS[layout], count: disks.length });
  const [url = ''] = head.heads;
  return {
    role: 'node',
    networking: { ...networking, ...(setup.hostname === undefined ? {} : { hostname: setup.hostname }) },
    pool: { disks, layout, bootable: false },
    ...content,
    access: accessOf(setup),
    join: { head: url, ca_sha256: head.ca_sha256 },
  };
}

function accessOf({ root_shadow: passwordHash, authorized_keys: authorizedKeys }: SetupParameters): InstallPlan['access'] {
  return { ...(passwordHash === undefined ? {} : { passwordHash }), authorizedKeys };
}

/** The head node learns what became of it. */
async function told(enrolment: Enrolment, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    await enrolment.tell('failed', error instanceof Error ? error.message : String(error));
    throw error;
  }
}
