import { writeFile } from 'node:fs/promises';
import { run } from '../../../host/run/run.ts';
import { ready, wanting, type SetupStep } from '../step.ts';
import { AGENT_UNIT, GOING_DOWN_UNIT, NODE_UNIT, SET_UP_JUST_NOW, systemdRuns } from '../systemd.ts';

const UNITS = [AGENT_UNIT, GOING_DOWN_UNIT];

/** The agent, and what shuts guests down with the host, where systemd looks after them. */
export const agentStep: SetupStep = {
  name: 'agent',
  async inspect({ options }) {
    if (!options.units) return ready('left out, as asked');
    if (!systemdRuns()) return ready('no systemd here: commands do without; `zonewright agent --stay` runs one');
    const states = await statesOf(UNITS);
    const missing = UNITS.filter((_, index) => states[index] !== 'active');
    return missing.length === 0 ? ready('runs') : wanting(`start ${missing.join(', ')}`);
  },
  async perform() {
    // The agent's unit waits for the node's, which may be what runs this, and else is started with it.
    if ((await statesOf([NODE_UNIT]))[0] === 'inactive') await writeFile(SET_UP_JUST_NOW, '');
    await run(['systemctl', '--no-block', 'start', ...UNITS]);
    return `${AGENT_UNIT} is being started`;
  },
};

/** One word for each; also one that is not installed is `inactive`. */
async function statesOf(units: readonly string[]): Promise<string[]> {
  return (await run(['systemctl', 'is-active', ...units], { acceptExitCodes: [0, 1, 2, 3, 4] })).stdout.trim().split('\n');
}
