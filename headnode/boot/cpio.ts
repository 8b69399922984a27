/** Archives in the form in which the kernel takes files into its first root ("newc"), so that any boot loader can hand files to a node. */

export interface ArchivedFile {
  /** Without a leading slash, and with no part that leads up. */
  readonly path: string;
  readonly content: Uint8Array;
}

/**
 * Files, and the directories that they are in, owned by root and for root alone. The archive's length is a multiple of 512, so that
 * further archives may follow it.
 */
export function cpioArchive(files: readonly ArchivedFile[]): Buffer {
  const directories = [...new Set(files.flatMap(({ path }) => parentsOf(path)))].toSorted();
  const entries = [
    ...directories.map((path) => ({ path, mode: 0o040700, content: new Uint8Array() })),
    ...files.map(({ path, content }) => ({ path, mode: 0o100600, content })),
    { path: 'TRAILER!!!', mode: 0, content: new Uint8Array() },
  ];
  const archive = Buffer.concat(entries.flatMap((entry, index) => encode(entry, index + 1)));
  return Buffer.concat([archive, zeros(archive.length, 512)]);
}

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

function encode({ path, mode, content }: Entry, inode: number): Uint8Array[] {
  if (path.startsWith('/') || path.split('/').some((part) => part === '' || part === '.' || part === '..') || path.includes('\0')) throw new Error(`no path for an archive: ${JSON.stringify(path)}`);
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).toUpperCase().padStart(8, '0')).join('')}`);
  return [header, name, zeros(header.length + name.length, 4), content, zeros(content.length, 4)];
}

function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function zeros(length: number, multiple: number): Buffer {
  return Buffer.alloc((multiple - (length % multiple)) % multiple);
}
