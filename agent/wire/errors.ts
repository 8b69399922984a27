import { z } from 'zod';

/** Every error that is not a task's: `code` is one that restify clients know (reference/control-plane §9.4). */
export const wireErrorSchema = z.looseObject({
  code: z.string(),
  message: z.string(),
  errors: z.array(z.looseObject({ field: z.string(), code: z.string(), message: z.string().optional() })).optional(),
});
export type WireError = z.infer<typeof wireErrorSchema>;
