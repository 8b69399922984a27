import { run } from '../host/run/run.ts';

/** The tree as one compressed archive, to be unpacked at the root of a host: the same bytes for the same files. */
export async function packTarball(root: string, { epoch, out }: { readonly epoch: number; readonly out: string }): Promise<void> {
  await run(
    ['tar', '--create', '--gzip', '--file', out, '--directory', root, '--sort=name', '--format=gnu', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${epoch}`, 'usr'],
  );
}
