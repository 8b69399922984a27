import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../host/run/run.ts';
import { part, type Part, type Workshop } from './parts.ts';

const INIT = join(import.meta.dirname, 'init');

/**
 * The one initramfs: a few programs, and the two compressed layers of the root as files. It is not compressed again, so that the kernel
 * unpacks it by copying. The part holds `initramfs`.
 */
export async function initramfs(workshop: Workshop, root: Part, layer: Part): Promise<Part> {
  return part(workshop, 'initramfs', [root.key, layer.key, await readFile(INIT, 'utf8'), await readFile(import.meta.filename, 'utf8')], async (directory) => {
    const tree = join(directory, 'tree');
    for (const folder of ['bin', 'dev', 'proc', 'sys']) await mkdir(join(tree, folder), { recursive: true, mode: 0o755 });
    await cp(INIT, join(tree, 'init'));
    await cp(join(root.directory, 'early/busybox'), join(tree, 'bin/busybox'));
    await cp(join(root.directory, 'early/modules'), join(tree, 'modules'), { recursive: true });
    await cp(join(root.directory, 'platform.squashfs'), join(tree, 'platform.squashfs'));
    await cp(join(layer.directory, 'zonewright.squashfs'), join(tree, 'zonewright.squashfs'));
    const { stdout: names } = await run(['find', '.', '-mindepth', '1', '-printf', '%P\\n'], { cwd: tree });
    const archive = createWriteStream(join(directory, 'initramfs'));
    await run(['cpio', '--quiet', '--create', '--format=newc', '--owner=0:0', '--reproducible'], { cwd: tree, input: names, stdoutTo: archive });
    await rm(tree, { recursive: true });
  });
}
