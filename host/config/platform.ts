import { stat } from 'node:fs/promises';
import { readFileIfPresent } from '../files/atomic.ts';

/** Says on a host that its root is in memory, and which platform image it was booted from. */
export const PLATFORM_FILE = '/etc/zonewright-platform';

/** The stamp of the platform image that this host was booted from; undefined on a host that is installed on a disk. */
export async function bootedPlatform(): Promise<string | undefined> {
  const text = await readFileIfPresent(PLATFORM_FILE);
  if (text === undefined) return undefined;
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}

/** What SmartOS calls the "Live Image": the platform image's stamp, or the time of an installed host's release. */
export async function platformStamp(): Promise<string> {
  return (await bootedPlatform()) ?? stampOf((await stat('/etc/os-release')).mtime);
}

function stampOf(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}
