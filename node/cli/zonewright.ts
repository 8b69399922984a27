import { runProgram, type Program } from './program.ts';
import { agentCommand } from './zonewright/agent.ts';
import { bootCommand } from './zonewright/boot.ts';
import { doctorCommand } from './zonewright/doctor.ts';
import { headCommand, runHead } from './zonewright/head.ts';
import { joinCommand } from './zonewright/join.ts';
import { setupCommand } from './zonewright/setup.ts';
import { sysinfoCommand } from './zonewright/sysinfo.ts';

export const ZONEWRIGHT: Program = {
  name: 'zonewright',
  summary: 'make this host a node, and see what it can do',
  commands: [setupCommand, bootCommand, doctorCommand, agentCommand, joinCommand, sysinfoCommand, headCommand],
};

/** Run `zonewright` with its arguments. @returns the exit status */
export function main(args: readonly string[]): Promise<number> {
  if (args[0] === headCommand.name) return runHead(args.slice(1));
  return runProgram(ZONEWRIGHT, args);
}
