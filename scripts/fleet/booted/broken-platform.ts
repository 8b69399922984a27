import { createHash } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signManifest } from '../../../host/signature/platform.ts';
import { CACHE, type Platform } from '../../../images/platform/build.ts';
import { signingKey } from '../../../images/platform/signing-key.ts';

const NOTHING = 'nothing';

/** A version that is broken on purpose: its signature is right, and its kernel finds nothing to run. @returns its directory */
export async function panickingPlatform(like: Pick<Platform, 'directory'>, stamp: string, out: string): Promise<string> {
  const directory = join(out, `platform-${stamp}`);
  await cp(like.directory, directory, { recursive: true, filter: (path) => !/\.(?:iso|tar)$/.test(path) });
  await writeFile(join(directory, 'initramfs'), NOTHING);
  const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8')) as { version: string; files: Record<string, unknown> };
  manifest.version = stamp;
  manifest.files['initramfs'] = { size: NOTHING.length, sha256: createHash('sha256').update(NOTHING).digest('hex') };
  const bytes = Buffer.from(JSON.stringify(manifest));
  await writeFile(join(directory, 'manifest.json'), bytes);
  await writeFile(join(directory, 'manifest.json.sig'), signManifest(bytes, await signingKey({ cache: CACHE, say: () => undefined }, undefined)));
  return directory;
}
