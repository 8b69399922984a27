import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PRIVATELY } from '../privately.ts';
import { run } from '../../host/run/run.ts';
import { part, type Part, type Workshop } from './parts.ts';

export interface DebianRoot {
  readonly suite: string;
  readonly sources: readonly string[];
  readonly packages: readonly string[];
}

/** A root file system of Debian packages, as `root.tar`, and the versions that are in it, as `packages.txt`. */
export function debianRoot(workshop: Workshop, name: string, { suite, sources, packages }: DebianRoot): Promise<Part> {
  return part(workshop, name, [suite, ...sources, ...packages], async (directory) => {
    const list = join(directory, 'sources.list');
    await writeFile(list, `${sources.join('\n')}\n`);
    const scratch = join(directory, 'tmp');
    await mkdir(scratch, { mode: 0o755 });
    await run(
      [
        ...PRIVATELY,
        'mmdebstrap',
        '--mode=root',
        '--variant=minbase',
        `--include=${packages.join(',')}`,
        `--customize-hook=chroot "$1" dpkg-query --show --showformat='\${Package} \${Version} \${Architecture}\\n' >"${directory}/packages.txt"`,
        '--skip=output/dev',
        suite,
        join(directory, 'root.tar'),
        list,
      ],
      { environment: { TMPDIR: scratch }, onStderrLine: (line) => /^E:|error/i.test(line) && workshop.say(`${name}: ${line}`) },
    );
    await rm(scratch, { recursive: true, force: true });
    await rm(list);
  });
}

/** The version of a package in a root. @throws when it is not there */
export async function versionIn(root: Part, name: string): Promise<string> {
  const line = (await readFile(join(root.directory, 'packages.txt'), 'utf8')).split('\n').find((one) => one.startsWith(`${name} `));
  const version = line?.split(' ')[1];
  if (version === undefined) throw new Error(`the package ${name} is not in the root file system`);
  return version;
}

/** The release of the newest kernel in a root, as `uname -r` says it. */
export async function kernelIn(root: Part): Promise<string> {
  const { stdout } = await run(['tar', '--list', '--file', join(root.directory, 'root.tar'), '--wildcards', './boot/vmlinuz-*']);
  const release = /^\.\/boot\/vmlinuz-(\S+)$/m.exec(stdout)?.[1];
  if (release === undefined) throw new Error('there is no kernel in the root file system');
  return release;
}
