import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../errors/errors.ts';
import { signatureErrors } from '../signature/errors.ts';
import { SIGNATURE } from '../signature/platform.ts';
import type { PlatformFiles } from './gather.ts';

/** An image in a directory of this host. Its files are files, not links to something else. */
export function filesInDirectory(directory: string): PlatformFiles {
  return {
    place: directory,
    async open(name) {
      try {
        const file = await open(join(directory, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        if ((await file.stat()).isFile()) return file.createReadStream({ highWaterMark: 1024 * 1024 });
        await file.close();
      } catch (error) {
        if (!isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
      }
      if (name === SIGNATURE) throw signatureErrors.PlatformUnsigned({ directory });
      throw signatureErrors.PlatformFileMissing({ directory, file: name });
    },
  };
}
