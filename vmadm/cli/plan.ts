import type { Planned } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { requireUuid } from './arguments.ts';
import type { Invocation } from './command.ts';
import { readPayload } from './payload-input.ts';
import { readChanges } from './update.ts';

/** `vmadm plan create [-f file]` and `vmadm plan update <uuid> …`: one line for each step. */
export async function run(invocation: Invocation): Promise<void> {
  const { lines } = await planned(invocation);
  invocation.streams.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

async function planned(invocation: Invocation): Promise<Planned> {
  const [verb, ...operands] = invocation.operands;
  switch (verb) {
    case 'create': {
      const payload = await readPayload(invocation, 'Will not create from stdin when stdin is a tty.');
      return (await invocation.engine()).planCreate(payload);
    }
    case 'update': {
      const uuid = requireUuid(invocation.command, operands);
      const payload = await readChanges(invocation, operands.slice(1));
      return (await invocation.engine()).planUpdate(uuid, payload);
    }
    default:
      throw vmErrors.Usage({ problem: 'Will not plan without a valid command.' });
  }
}
