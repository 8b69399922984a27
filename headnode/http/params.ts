/** Shapes that parameters have on the wire (control-plane §9.4): in query or body, booleans and numbers also as text. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { uuidSchema } from '../../agent/wire/uuid.ts';

export { uuidSchema };

/** A boolean, or the words `true` and `false`. */
export const booleanParam = z.union([z.boolean(), z.enum(['true', 'false', '1', '0', '']).transform((text) => text === 'true' || text === '1' || text === '')]);

/** A whole number, or its digits. */
export const integerParam = z.union([z.number().int(), z.string().regex(/^-?\d{1,15}$/, { error: 'must be a whole number' }).transform(Number)]);

/** Names with commas between them, or an array. */
export const listParam = z.union([z.array(z.string()), z.string().transform((text) => text.split(',').filter((item) => item !== ''))]);

/** `limit` as lists have it: 1 to 1000. */
export const limitParam = integerParam.pipe(z.number().min(1).max(1000));
export const offsetParam = integerParam.pipe(z.number().min(0));

/** A uuid in either case, as text of the lower one. */
export const uuidParam = z.string().transform((text) => text.toLowerCase()).pipe(uuidSchema);

/**
 * Parameters wherever they are: those of the body win over the query's.
 * @throws ZodError, which the app answers as the route's `invalid` error
 */
export function paramsOf<Schema extends z.ZodType>(request: FastifyRequest, schema: Schema): z.output<Schema> {
  const body = request.body !== null && typeof request.body === 'object' && !Array.isArray(request.body) ? request.body : {};
  return schema.parse({ ...(request.query as object), ...body });
}
