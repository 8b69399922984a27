import { runProgram, type Program } from './program.ts';
import { agentCommand } from './zonewright/agent.ts';
import { bootCommand } from './zonewright/boot.ts';
import { doctorCommand } from './zonewright/doctor.ts';
import { setupCommand } from './zonewright/setup.ts';

export const ZONEWRIGHT: Program = {
  name: 'zonewright',
  summary: 'make this host a node, and see what it can do',
  commands: [setupCommand, bootCommand, doctorCommand, agentCommand],
};

/** Run `zonewright` with its arguments. @returns the exit status */
export function main(args: readonly string[]): Promise<number> {
  return runProgram(ZONEWRIGHT, args);
}
