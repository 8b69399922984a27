import type { StartOptions } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { sayAcceleration } from './acceleration.ts';
import { requireUuid } from './arguments.ts';
import type { Invocation } from './command.ts';
import { say, withPrefix } from './say.ts';

/** `vmadm start <uuid> [order=…] [disk=path,model] [cdrom=path,model]`. */
export async function run(invocation: Invocation): Promise<void> {
  const uuid = requireUuid(invocation.command, invocation.operands);
  const options = bootOptions(invocation.operands.slice(1));
  const engine = await invocation.engine();
  const outcome = await withPrefix(`Unable to start VM ${uuid}: `, () => engine.start(uuid, options));
  say(invocation, outcome === 'already' ? `VM ${uuid} is already 'running'` : `Successfully started VM ${uuid}`);
  if (invocation.talkative) await sayAcceleration(invocation, (await engine.get(uuid)).brand);
}

/** QEMU's letters of drives, and those for the first boot alone. */
const ORDER = /^(?:order=)?[a-dn-p]{1,4}(?:,once=[a-dn-p]{1,4})?$/;

/** Read `order=…`, `disk=path,model` and `cdrom=path,model`. @throws Usage */
function bootOptions(words: readonly string[]): StartOptions {
  let order: string | undefined;
  const extra: NonNullable<StartOptions['extra']>[number][] = [];
  for (const word of words) {
    const [, key = word, value = ''] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
    if (key === 'order') {
      if (order !== undefined) throw vmErrors.Usage({ problem: "You can only specify 'order' once when starting a VM" });
      if (!ORDER.test(value)) throw vmErrors.Usage({ problem: `Invalid boot order: ${JSON.stringify(value)}` });
      order = value;
    } else if (key === 'disk' || key === 'cdrom') {
      const [path, model, ...more] = value.split(',');
      if (path === undefined || model === undefined || more.length > 0) throw vmErrors.Usage({ problem: `Parameter to ${key} must be: path,model` });
      extra.push({ path, model, media: key });
    } else {
      throw vmErrors.Usage({ problem: `Invalid argument to start: ${key}` });
    }
  }
  return { ...(order !== undefined && { order }), ...(extra.length > 0 && { extra }) };
}
