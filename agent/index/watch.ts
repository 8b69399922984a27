import { watch } from 'node:fs';
import { isSystemError } from '../../host/errors/errors.ts';

/** The kernel's word that something below a path changed. */
export interface Watching {
  close(): void;
}

/**
 * Be told by the kernel (inotify) when a directory's names come, go or change, or when a file's content does.
 * @param onChange gets the event and the name in the directory; no name when the kernel gave none.
 * @returns undefined when there is nothing at that path, or the host has no watch left: whoever asks looks again by himself.
 */
export function watchPath(path: string, onChange: (kind: 'rename' | 'change', name: string | undefined) => void): Watching | undefined {
  try {
    const watcher = watch(path, { persistent: false }, (kind, name) => onChange(kind as 'rename' | 'change', name ?? undefined));
    // What is watched went away: whoever watches learns that from its parent.
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ENODEV', 'ENOSPC', 'EMFILE')) return undefined;
    throw error;
  }
}
