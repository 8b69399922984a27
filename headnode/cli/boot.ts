import { headErrors } from '../errors.ts';
import { askHead } from '../ask-head.ts';
import { serversOf } from './servers.ts';
import { nounCommand, shownList, type VerbInvocation } from './verbs.ts';

const COLUMNS = { MAC: 'mac', IP: 'ip', HOSTNAME: 'hostname', SERVER: 'server_uuid', PLATFORM: 'platform', RUNS: 'current_platform', 'NEXT BOOT': 'next' };

export const bootCommand = nounCommand({
  name: 'boot',
  summary: 'Machines that boot from the network, and what they boot',
  options: {},
  verbs: [
    { name: 'list', run: async (asked) => shownList(asked, (await askHead<BootMachine[]>(asked.directory, { method: 'GET', path: '/boot_machines' })).map((machine) => ({ ...machine, next: nextOf(machine) })), COLUMNS) },
    { name: 'once', operands: '<server> <rescue | usual>', operandCount: [2, 2], run: once },
  ],
  examples: [
    ['zonewright head boot list', 'with trials, and how they went'],
    ['zonewright head boot once rack-1 rescue', 'the next boot leaves the pool alone'],
  ],
});

interface BootMachine {
  readonly once: string | null;
  readonly trial: string | null;
  readonly trial_state: string | null;
  readonly trial_reason: string | null;
}

function nextOf({ once: how, trial, trial_state: state, trial_reason: reason }: BootMachine): string | undefined {
  if (how !== null) return how;
  if (trial === null || state === null) return undefined;
  return `${trial} ${state}${reason === null ? '' : `: ${reason}`}`;
}

async function once({ directory, operands: [name = '', how = ''] }: VerbInvocation): Promise<string> {
  if (how !== 'rescue' && how !== 'usual') throw headErrors.UsageError({ reason: `boot once: there is no "${how}"; there are rescue, usual` });
  const [server] = await serversOf(directory, [name]);
  await askHead(directory, { method: 'PUT', path: `/servers/${server?.uuid ?? ''}/boot-once`, body: { how } });
  return '';
}
