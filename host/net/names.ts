import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';

/**
 * The host-side name of an instance's nic: stable over restarts, unique per instance and nic, and within the 15
 * characters that the kernel allows.
 */
export function hostInterfaceName(uuid: string, index: number): string {
  return `${prefixOf(uuid)}${index}`;
}

/** The host-side names of all interfaces that an instance has now, whatever nics its record names by this time. */
export async function hostInterfacesOf(uuid: string): Promise<string[]> {
  return (await readdir('/sys/class/net')).filter((name) => name.startsWith(prefixOf(uuid)));
}

/** Those that a text names. */
export function hostInterfacesIn(text: string, uuid: string): string[] {
  return [...new Set(text.match(new RegExp(`\\b${prefixOf(uuid)}\\d+\\b`, 'g')) ?? [])];
}

function prefixOf(uuid: string): string {
  return `zw${createHash('sha256').update(uuid).digest('hex').slice(0, 9)}n`;
}
