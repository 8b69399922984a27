import type { Payload } from '../engine.ts';
import { requireUuid } from './arguments.ts';
import type { Invocation } from './command.ts';
import { readPayload } from './payload-input.ts';
import { say } from './say.ts';

/** `vmadm update <uuid> [-f file]` and `vmadm update <uuid> property=value …`. */
export async function run(invocation: Invocation): Promise<void> {
  const uuid = requireUuid(invocation.command, invocation.operands);
  const payload = await readChanges(invocation, invocation.operands.slice(1));
  const { pending, warnings } = await (await invocation.engine()).update(uuid, payload);
  say(invocation, `Successfully updated VM ${uuid}`);
  if (!invocation.talkative) return;
  if (pending.length > 0) say(invocation, `pending: reboot required for ${pending.join(', ')}`);
  for (const warning of warnings) say(invocation, `warning: ${warning}`);
}

/** The payload of an update: words of the command line, or else a file or stdin. */
export async function readChanges(invocation: Invocation, words: readonly string[]): Promise<Payload> {
  if (words.length > 0 && invocation.options['file'] === undefined) return payloadOfWords(words);
  return readPayload(invocation, 'Will not update from stdin when stdin is a tty.');
}

/** Split each word at its first `=`; values stay text. A word without one empties its property (reference §1.2). */
function payloadOfWords(words: readonly string[]): Payload {
  return Object.fromEntries(
    words.map((word) => {
      const end = word.includes('=') ? word.indexOf('=') : word.length;
      return [word.slice(0, end), word.slice(end + 1)];
    }),
  );
}
