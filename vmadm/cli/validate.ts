import { vmErrors } from '../errors.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { isBrand } from '../payload/brands.ts';
import { brandOfPayload, type Brand } from '../payload/index.ts';
import type { Payload } from '../engine.ts';
import type { Invocation } from './command.ts';
import { readPayload } from './payload-input.ts';
import { say } from './say.ts';

/** `vmadm validate create` and `vmadm validate update <brand>`: the findings as JSON on stderr. */
export async function run(invocation: Invocation): Promise<number> {
  const [action, brandName] = invocation.operands;
  if (action !== 'create' && action !== 'update') throw vmErrors.Usage({ problem: 'Will not validate without a valid action.' });
  if (action === 'update' && brandName === undefined) throw vmErrors.Usage({ problem: 'Will not validate without a valid action and brand.' });
  const payload = await readPayload(invocation, 'Will not validate from stdin when stdin is a tty.');
  const brand = action === 'update' ? brandNamed(brandName) : brandNamedBy(payload);
  if (brand === undefined) return report(invocation, { bad_brand: action === 'update' ? brandName : payload['brand'] });
  const { details, warnings, ...findings } = await (await invocation.engine()).validate(action, brand, payload);
  if (Object.values(findings).some((names) => names.length > 0)) return report(invocation, findings, [...details, ...warnings]);
  say(invocation, `VALID '${action}' payload for ${brand} brand VMs.`);
  return 0;
}

function brandNamed(name: string | undefined): Brand | undefined {
  return isBrand(name) ? name : undefined;
}

function brandNamedBy(payload: Payload): Brand | undefined {
  try {
    return brandOfPayload(payload);
  } catch (error) {
    if (isErrorCode(error, 'InvalidBrand')) return undefined;
    throw error;
  }
}

function report(invocation: Invocation, findings: unknown, details: readonly string[] = []): number {
  say(invocation, JSON.stringify(findings, null, 2));
  if (invocation.talkative) for (const line of details) say(invocation, line);
  return 1;
}
