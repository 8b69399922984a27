import { join } from 'node:path';
import { headFileSchema, type HeadFile } from '../../agent/wire/enrol.ts';
import { identityErrors } from '../../agent/identity/errors.ts';
import { jsonOf } from '../../agent/wire/json.ts';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { BOOT_MODULES } from '../network/networking-for-boot.ts';

/** Where this boot says that head nodes are; undefined when it says nothing. @throws HeadFileInvalid */
export async function readHeadFile(bootModules = BOOT_MODULES): Promise<HeadFile | undefined> {
  const text = await readFileIfPresent(join(bootModules, 'head.json'));
  if (text === undefined) return undefined;
  const { data, error } = headFileSchema.safeParse(jsonOf(text));
  if (data) return data;
  throw identityErrors.HeadFileInvalid({ reason: error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`).join('; ').replace(/[^\x20-\x7e]/g, '?').slice(0, 300) });
}
