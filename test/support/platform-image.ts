import { createHash, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../host/run/run.ts';
import { signManifest } from '../../host/signature/platform.ts';
import type { Stamp } from '../../node/platform/stamp.ts';

/** A key pair as its operator has it. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicPem: string;
}

export function newSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
}

export function stamp(day: number): Stamp {
  return `202611${String(day).padStart(2, '0')}T154200Z` as Stamp;
}

/** A small platform image in `<directory>/platform-<stamp>`: real but for what is in its files. */
export async function smallPlatform(directory: string, version: Stamp, { privateKey }: SigningKey, bytes = 100_000): Promise<string> {
  const place = join(directory, `platform-${version}`);
  await mkdir(place, { recursive: true });
  const files: Record<string, unknown> = {};
  for (const name of ['vmlinuz', 'initramfs', 'packages.txt']) {
    const content = randomBytes(name === 'initramfs' ? bytes : 5000);
    await writeFile(join(place, name), content);
    files[name] = { size: content.length, sha256: createHash('sha256').update(content).digest('hex') };
  }
  const manifest = Buffer.from(`${JSON.stringify({ v: 1, name: 'zonewright-platform', version, architecture: 'x86_64', kernel: '6.12.0', zfs: '2.3.9', files }, null, 2)}\n`);
  await writeFile(join(place, 'manifest.json'), manifest);
  await writeFile(join(place, 'manifest.json.sig'), signManifest(manifest, privateKey));
  return place;
}

/** As `npm run platform` packs it. */
export async function tarOf(place: string): Promise<string> {
  const [directory, name] = [place.slice(0, place.lastIndexOf('/')), place.slice(place.lastIndexOf('/') + 1)];
  await run(['tar', '--create', '--directory', directory, '--', name], { stdoutTo: createWriteStream(`${place}.tar`) });
  return `${place}.tar`;
}

/** An ISO that holds the image in a directory of its own. */
export async function isoOf(place: string): Promise<string> {
  await run(['xorriso', '-as', 'mkisofs', '-quiet', '-rational-rock', '-volid', 'ZONEWRIGHT', '-output', `${place}.iso`, '-graft-points', `/${place.slice(place.lastIndexOf('/') + 1)}=${place}`]);
  return `${place}.iso`;
}

/** One byte of a file is another. */
export async function damage(path: string): Promise<void> {
  const content = await readFile(path);
  content[100] = (content[100] ?? 0) ^ 1;
  await writeFile(path, content);
}

export function scratchDirectory(): Promise<string> {
  return mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? tmpdir(), 'zonewright-platforms-'));
}
