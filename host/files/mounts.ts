import { readFile } from 'node:fs/promises';

export interface Mount {
  readonly source: string;
  readonly mountpoint: string;
  readonly type: string;
}

/** What is mounted at and below a directory, in the order it was mounted. */
export async function mountsBelow(directory: string): Promise<Mount[]> {
  const lines = (await readFile('/proc/self/mounts', 'utf8')).split('\n').filter((line) => line !== '');
  const mounts = lines.map((line) => {
    const [source = '', mountpoint = '', type = ''] = line.split(' ').map(unescape);
    return { source, mountpoint, type };
  });
  return mounts.filter(({ mountpoint }) => mountpoint === directory || mountpoint.startsWith(`${directory.replace(/\/$/, '')}/`));
}

/** Blanks and such are octal in the kernel's table. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
