import type { Invocation } from './command.ts';
import { readPayload } from './payload-input.ts';
import { say } from './say.ts';

/** `vmadm create [-f file]`. Lines about dropped properties follow the success line, which programs read first. */
export async function run(invocation: Invocation): Promise<void> {
  const payload = await readPayload(invocation, 'Will not create from stdin when stdin is a tty.');
  const engine = await invocation.engine();
  const uuid = await engine.create(payload);
  say(invocation, `Successfully created VM ${uuid}`);
  if (!invocation.talkative) return;
  // The rules of payloads are the agent's to know; only these lines need them here.
  const [{ brandOfPayload, warningsFor }, { sayAcceleration }] = await Promise.all([import('../payload/index.ts'), import('./acceleration.ts')]);
  await sayAcceleration(invocation, brandOfPayload(payload));
  for (const line of warningsFor('create', brandOfPayload(payload), payload)) say(invocation, `warning: ${line}`);
}
