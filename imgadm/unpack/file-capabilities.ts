import { run } from '../../host/run/run.ts';

/** A file and its capabilities as `setcap` takes them. */
export interface FileCapabilities {
  readonly path: string;
  readonly capabilities: string;
}

/** Capabilities of all files below a directory. A change of owner takes them away, so they are read before. */
export async function capabilitiesOf(root: string): Promise<FileCapabilities[]> {
  const { stdout } = await run(['getcap', '-r', root]);
  return stdout.split('\n').flatMap((line) => {
    const [, path, capabilities] = /^(\/.*?) (cap_[a-z_,]+[=+][eip]+(?: cap_[a-z_,]+[=+][eip]+)*)$/.exec(line) ?? [];
    return path === undefined || capabilities === undefined ? [] : [{ path, capabilities }];
  });
}

/** Give files their capabilities back, good only inside the user namespace whose root is `rootId`. */
export async function restoreCapabilities(files: readonly FileCapabilities[], rootId: number): Promise<void> {
  for (const { path, capabilities } of files) await run(['setcap', '-n', String(rootId), capabilities, path]);
}
