import type { Manual } from '../../host/manual/manual.ts';
import { vmErrors } from '../errors.ts';
import type { Invocation } from './command.ts';
import { findCommand } from './commands.ts';
import { commandHelp, usageText } from './usage.ts';

/** `vmadm help [command | properties | man | completion]`. */
export async function run({ operands, streams }: Invocation): Promise<void> {
  streams.stdout.write(await helpOn(operands[0]));
}

async function helpOn(topic: string | undefined): Promise<string> {
  if (topic === undefined) return usageText('vmadm');
  if (topic === 'properties') return (await import('../payload/markdown.ts')).propertiesMarkdown();
  if (topic === 'man') return (await import('../../host/manual/page.ts')).manualPage(await manual());
  if (topic === 'completion') return (await import('../../host/manual/bash.ts')).bashCompletion([await manual()]);
  const command = findCommand(topic);
  if (!command) throw vmErrors.Usage({ problem: `Invalid command: "${topic}".` });
  return commandHelp(command);
}

async function manual(): Promise<Manual> {
  return (await import('./manual.ts')).vmadmManual();
}
