import { existsSync } from 'node:fs';
import { PLATFORM_FILE } from '../../../host/config/platform.ts';
import { nodeErrors } from '../../errors.ts';
import type { Command } from '../program.ts';

export const installCommand: Command = {
  name: 'install',
  summary: 'Make a RAM-booted machine a node: network, disks, who may log in, and whether it is a head node',
  options: {
    answers: { type: 'string', value: 'FILE', summary: 'take the answers from this file; what it does not say is asked' },
    'dry-run': { type: 'boolean', short: 'n', summary: 'print what would be done and change nothing' },
    'first-boot': { type: 'boolean', summary: 'as a unit does it: look for answers and a head node, else ask on the consoles of this machine' },
  },
  examples: [
    ['zonewright install', 'ask on this terminal'],
    ['zonewright install --answers answers.json --dry-run', 'check a file of answers on the machine that it is for'],
  ],
  async run({ values }) {
    if (process.getuid?.() !== 0) throw nodeErrors.NotRoot({ command: 'zonewright install' });
    const file = values['answers'] as string | undefined;
    const { installByHand, installOnConsoles } = await import('../../firstboot/by-hand.ts');
    if (values['first-boot'] === true) await installOnConsoles(print);
    else await installByHand({ file, dryRun: values['dry-run'] === true, terminal: { name: 'this terminal', input: process.stdin, output: process.stdout, interactive: process.stdin.isTTY }, isRamBooted: existsSync(PLATFORM_FILE), say: print });
    return 0;
  },
};

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
