import { z } from 'zod';
import { isUuid } from '../../host/config/units.ts';

/** A uuid as everything on the wire spells it: lower case, 8-4-4-4-12. */
export const uuidSchema = z.string().refine(isUuid, { error: 'must be a uuid in lower case' }).meta({ format: 'uuid' });
