/** The properties of a file system of the host in a zone (reference §2.7). An element is known by its `target`. */
import { OS, type PropertyTable, type Stored } from './property.ts';

export const FILESYSTEM_PROPERTIES = {
  type: { type: 'string', brands: OS, actions: 'au', merged: true, always: true, required: OS, format: 'name', summary: 'lofs: the directory itself' },
  source: { type: 'string', brands: OS, actions: 'au', merged: true, always: true, required: OS, summary: 'path on the host' },
  target: { type: 'string', brands: OS, actions: 'au', merged: true, always: true, required: OS, format: 'absolutePath', summary: 'path in the guest' },
  options: { type: 'list', brands: OS, actions: 'au', merged: true, always: true, defaultText: 'none', summary: 'mount options: ro, nodevices, nosetuid, noexec' },
  raw: { type: 'string', brands: OS, actions: 'au', merged: true, summary: 'kept, not used' },
} as const satisfies PropertyTable;

export type FilesystemRecord = Stored<typeof FILESYSTEM_PROPERTIES>;
