import { run } from '../../../host/run/run.ts';
import { ready, wanting, type SetupStep } from '../step.ts';
import { AGENT_UNIT, isUnitInstalled, systemdRuns } from '../systemd.ts';

/** The agent, where systemd looks after it. */
export const agentStep: SetupStep = {
  name: 'agent',
  async inspect({ options }) {
    if (!options.units) return ready('left out, as asked');
    if (!systemdRuns()) return ready('no systemd here: commands do without; `zonewright agent --stay` runs one');
    if (!isUnitInstalled(AGENT_UNIT)) return wanting(`start ${AGENT_UNIT}`);
    const { exitCode } = await run(['systemctl', '--quiet', 'is-active', AGENT_UNIT], { acceptExitCodes: [0, 1, 2, 3, 4] });
    return exitCode === 0 ? ready('runs') : wanting(`start ${AGENT_UNIT}`);
  },
  async perform() {
    // Its unit waits for the node's, which may be what runs this.
    await run(['systemctl', '--no-block', 'start', AGENT_UNIT]);
    return `${AGENT_UNIT} is being started`;
  },
};
