import { vmErrors } from '../errors.ts';
import type { Invocation } from './command.ts';
import { say } from './say.ts';
import { isVmOperand } from './uuid-operand.ts';

const IGNORED = ['-v', '-d', '--verbose', '--debug'];

/** `vmadm kill [-s SIG|-SIG] <uuid>`. Its options are names of signals, so no option parser can read them. */
export async function run(invocation: Invocation): Promise<void> {
  const { signal, uuid } = readKillArguments(invocation.operands);
  const name = await (await invocation.engine()).kill(uuid, signal);
  say(invocation, `Sent signal "${name}" to init process for VM ${uuid}`);
}

/** Signal and uuid, in any order. @throws Usage */
export function readKillArguments(args: readonly string[]): { readonly signal: string; readonly uuid: string } {
  const signals: string[] = [];
  const operands: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? '';
    if (IGNORED.includes(arg) || arg === '--') continue;
    if (arg === '-s' || arg === '--signal') signals.push(args[++index] ?? '');
    else if (arg.startsWith('-')) signals.push(arg.slice(1));
    else operands.push(arg);
  }
  if (signals.length > 1) throw vmErrors.Usage({ problem: `Unexpected args: ${JSON.stringify(signals.slice(1))}` });
  const [uuid, ...more] = operands;
  if (more.length > 0) throw vmErrors.Usage({ problem: 'Too many arguments.' });
  if (uuid === undefined || !isVmOperand(uuid)) throw vmErrors.Usage({ problem: 'Invalid or missing argument UUID' });
  return { signal: signals[0] ?? 'SIGTERM', uuid };
}
