/**
 * The manual pages in docs/man, from the tables that the commands are made of. As a program it writes them:
 * `scripts/with-node.sh scripts/docs/man-pages.ts`.
 */
import { glob, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manual } from '../../host/manual/manual.ts';
import { manualPage, pageName } from '../../host/manual/page.ts';
import { imgadmManual } from '../../imgadm/cli/manual.ts';
import { configManual, headManual, nictagadmManual, piadmManual, platformManual, sysinfoManual, zonewrightManual } from '../../node/cli/manual.ts';
import { propertiesManual, vmadmManual, zloginManual } from '../../vmadm/cli/manual.ts';

export const MAN_DIRECTORY = join(import.meta.dirname, '../../docs/man');

/** What is told of each program. */
export function manuals(): Manual[] {
  return [vmadmManual(), propertiesManual(), imgadmManual(), zloginManual(), nictagadmManual(), sysinfoManual(), piadmManual(), zonewrightManual(), configManual(), platformManual(), headManual()];
}

/** The pages by file name. */
export function manPages(): ReadonlyMap<string, string> {
  return new Map(manuals().map((manual) => [pageName(manual), manualPage(manual)]));
}

async function writePages(): Promise<void> {
  for await (const old of glob('*.[1-8]', { cwd: MAN_DIRECTORY })) await rm(join(MAN_DIRECTORY, old));
  for (const [name, page] of manPages()) await writeFile(join(MAN_DIRECTORY, name), page);
}

if (import.meta.main) await writePages();
