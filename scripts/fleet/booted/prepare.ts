/** Before the sandbox is entered, which cannot reach Debian's mirror: two versions of the platform, one that is broken, and the images. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildPlatform } from '../../../images/platform/build.ts';
import { platformEmulator } from '../../../images/platform/emulator.ts';
import { buildSeed } from '../../../images/seed/build.ts';
import { panickingPlatform } from './broken-platform.ts';
import type { Platforms } from './fleet.ts';

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error('prepare: no directory given');
const say = (line: string): void => void process.stderr.write(`${line}\n`);
for (const seed of ['minimal', 'tiny-vm']) await buildSeed(seed);
const first = await buildPlatform({ out, stamp: stampAfter(0), say });
const second = await buildPlatform({ out, stamp: stampAfter(1), media: false, say });
const broken = await panickingPlatform(second, stampAfter(2), out);
const platforms: Platforms = { first: first.directory, second: second.directory, broken, emulator: await platformEmulator({ say }) };
await writeFile(join(out, 'platforms.json'), `${JSON.stringify(platforms)}\n`);

function stampAfter(seconds: number): string {
  const now = new Date(Math.floor(Date.now() / 60_000) * 60_000 + seconds * 1000);
  return now.toISOString().replace(/[-:]/g, '').replace(/\.\d+Z$/, 'Z');
}
