import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly license?: string; readonly dev?: boolean }>>;
}

/** The licenses of everything that the executable has inside besides what is ours: Node and the libraries, each with its text. */
export async function thirdPartyLicenses(): Promise<string> {
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  const inside = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true && existsSync(join(ROOT, path)));
  const sections = await Promise.all(
    inside.map(async ([path, { version = '', license = 'no license named' }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return [`## ${name} ${version} (${license})`, '', ...(await licenseTexts(join(ROOT, path)))].join('\n');
    }),
  );
  return `${sections.join('\n\n')}\n`;
}

async function licenseTexts(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of glob(['LICEN[SC]E*', 'licen[sc]e*', 'NOTICE*', 'COPYING*'], { cwd: directory })) names.push(name);
  return Promise.all(names.sort().map((name) => readFile(join(directory, name), 'utf8')));
}
