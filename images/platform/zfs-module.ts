import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../host/run/run.ts';
import { debianRoot, kernelIn, versionIn } from './debian-root.ts';
import { part, type Part, type Workshop } from './parts.ts';

/**
 * OpenZFS for the kernel of a root, built by `zfs-dkms` in a root of its own that ends nowhere: no compiler is in the
 * image. `modules.tar` holds `lib/modules/<release>/updates`.
 */
export async function zfsModule(workshop: Workshop, root: Part, options: { readonly suite: string; readonly sources: readonly string[] }): Promise<Part> {
  const kernel = await kernelIn(root);
  const zfs = await versionIn(root, 'zfsutils-linux');
  return part(workshop, 'zfs-module', [kernel, zfs], async (directory) => {
    workshop.say(`zfs-module: building OpenZFS ${zfs} for ${kernel}, which takes some minutes`);
    const inside: Workshop = { cache: join(directory, 'build'), say: (line) => workshop.say(line) };
    await mkdir(inside.cache);
    const built = await debianRoot(inside, 'zfs-build', { ...options, packages: [`linux-headers-${kernel}`, `zfs-dkms=${zfs}`] });
    const out = join(directory, 'tree');
    await mkdir(out);
    await run(['tar', '--extract', '--directory', out, '--file', join(built.directory, 'root.tar'), '--wildcards', './*lib/modules/*/updates/*']);
    const { stdout } = await run(['find', out, '-name', 'zfs.ko*']);
    const module = stdout.split('\n')[0] ?? '';
    if (!module.includes(kernel)) throw new Error(`zfs-dkms built no module for ${kernel}`);
    const modules = module.slice(0, module.indexOf('/lib/modules/'));
    await run(['tar', '--create', '--file', join(directory, 'modules.tmp'), '--directory', modules, 'lib/modules']);
    await rename(join(directory, 'modules.tmp'), join(directory, 'modules.tar'));
    await rm(inside.cache, { recursive: true });
    await rm(out, { recursive: true });
  });
}
