import { open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';
import { diskDirectory } from '../../support/disks.ts';

export interface LoopDisk {
  readonly path: string;
  detach(): Promise<void>;
}

/** A real block device of the test's own, on a sparse file. */
export async function loopDisk(gibibytes: number): Promise<LoopDisk> {
  const directory = await diskDirectory();
  const file = join(directory, 'loop.img');
  await writeFile(file, '');
  await truncate(file, gibibytes * 1024 ** 3);
  const device = await loopDevice(file);
  return {
    path: device.path,
    async detach() {
      await device.detach();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A file as a block device. */
export async function loopDevice(file: string): Promise<LoopDisk> {
  const { stdout } = await run(['losetup', '--find', '--show', '--partscan', '--', file]);
  const path = stdout.trim();
  // Detached as soon as nobody has it open any more, so that it goes with this process however that ends.
  const holder = await open(path, 'r');
  await run(['losetup', '--detach', path]);
  return { path, detach: () => holder.close() };
}
