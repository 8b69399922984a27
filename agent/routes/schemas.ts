import { z } from 'zod';
import { errorSchema } from '../server/errors.ts';

/** Engine routes are for the node's root and for its head node. */
export const ENGINE_ROLES = ['local', 'head'] as const;

/** An operand that should be a uuid. What is none names no instance, and the engine says so in its own words. */
export const vmParams = z.object({ uuid: z.string().min(1).max(128).meta({ description: 'the instance' }) });

/** A payload: nothing of it is trusted, and the engine's own validator is the only one that judges it. */
export const payloadSchema = z.unknown().meta({ type: 'object', description: 'a payload as docs/properties.md describes it' });

/** An instance as `vmadm get` prints it. */
export const vmSchema = z.looseObject({ uuid: z.string(), brand: z.string(), state: z.string(), zone_state: z.string() }).meta({ id: 'Vm' });

/** What may be answered instead of what was asked for. */
export const FAILURES = { '4xx': errorSchema, '5xx': errorSchema };

export const nothing = z.null();

/** Payloads may be as long as the CLI reads; written again as JSON one can be a little longer. */
export const PAYLOAD_BYTES = 80 * 1024 * 1024;
