import { writeFile } from 'node:fs/promises';
import { run } from '../../../host/run/run.ts';
import { ready, wanting, type SetupStep } from '../step.ts';
import { AGENT_UNIT, GOING_DOWN_UNIT, isUnitInstalled, NODE_UNIT, SET_UP_JUST_NOW, systemdRuns } from '../systemd.ts';

const UNITS = [AGENT_UNIT, GOING_DOWN_UNIT];

/** The agent, and what shuts guests down with the host, where systemd looks after them. */
export const agentStep: SetupStep = {
  name: 'agent',
  async inspect({ options }) {
    if (!options.units) return ready('left out, as asked');
    if (!systemdRuns()) return ready('no systemd here: commands do without; `zonewright agent --stay` runs one');
    const missing = (await Promise.all(UNITS.map(async (unit) => (isUnitInstalled(unit) && (await stateOf(unit)) === 'active' ? [] : [unit])))).flat();
    return missing.length === 0 ? ready('runs') : wanting(`start ${missing.join(', ')}`);
  },
  async perform() {
    // The agent's unit waits for the node's, which may be what runs this, and else is started with it.
    if ((await stateOf(NODE_UNIT)) === 'inactive') await writeFile(SET_UP_JUST_NOW, '');
    await run(['systemctl', '--no-block', 'start', ...UNITS]);
    return `${AGENT_UNIT} is being started`;
  },
};

async function stateOf(unit: string): Promise<string> {
  return (await run(['systemctl', 'is-active', unit], { acceptExitCodes: [0, 1, 2, 3, 4] })).stdout.trim();
}
