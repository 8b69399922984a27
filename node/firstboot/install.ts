import { loadNode } from '../../host/config/node-config.ts';
import type { SetupState } from '../../agent/wire/enrol.ts';
import type { Say } from '../boot/story.ts';
import { eraseDisk } from '../disks/erase.ts';
import type { Enrolment } from '../enrol/enrol.ts';
import { saveEnrolment } from '../enrol/save-enrolment.ts';
import { setUp } from '../setup/setup.ts';
import { finishInstallation } from './finish.ts';
import { pendingOf } from './pending.ts';
import type { InstallPlan } from './plan.ts';

/**
 * Carry out a plan that has been confirmed: this machine is a node then. What is on its disks is lost.
 * @param enrolment what the head node has given this machine already
 */
export async function install(plan: InstallPlan, say: Say, enrolment?: Enrolment): Promise<void> {
  for (const { path, content } of plan.erased) {
    say(`erasing ${path} (${content ?? ''})`);
    await eraseDisk(path);
  }
  const { disks, layout, bootable } = plan.pool;
  const request = { disks: disks.map(({ path }) => path), layout, bootable, networking: plan.networking, pending: pendingOf(plan), ...(enrolment ? { serverUuid: enrolment.uuid } : {}) };
  await setUp(request, ({ step, fact }) => {
    say(`${step}: ${fact}`);
    const state = STATES[step];
    if (state !== undefined) void enrolment?.tell(state);
  });
  const node = await loadNode();
  if (enrolment) await saveEnrolment(node, enrolment);
  await finishInstallation(node, say);
  await enrolment?.tell('setup_complete');
}

/** How a head node calls what a step has brought about. */
const STATES: Readonly<Record<string, SetupState>> = { pool: 'zpool_created', datasets: 'datasets_setup', node: 'configs_installed', agent: 'agents_installed' };
