import { chmod, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../host/run/run.ts';

/** A zone that a contender is to make: the same root, and an address on the same bridge. */
export interface ZoneWish {
  /** Short, and of no other zone in this run. */
  readonly name: string;
  readonly address: string;
}

/** The seed image whose root file system everyone's zones have: a BusyBox, or a Debian with systemd. */
export type Root = 'minimal' | 'debian';

/** Something that makes zones. Both answer milliseconds. */
export interface ZonePeer {
  readonly name: string;
  create(wish: ZoneWish): Promise<number>;
  remove(wish: ZoneWish): Promise<number>;
  /** Where a zone answers, when not at the address that was wished for. */
  addressOf?(wish: ZoneWish): string;
}

/** The bridge's own address is 10.78.0.1; no two contenders share one. */
export const NETMASK = '255.255.0.0';

let count = 0;

/** A name and an address that nobody had before. */
export function nextWish(): ZoneWish {
  count += 1;
  return { name: `b${count}`, address: `10.78.${1 + Math.floor(count / 250)}.${1 + (count % 250)}` };
}

/** A zone with network answers. @throws when it does not within seconds */
export async function requireAnswer(peer: ZonePeer, wish: ZoneWish): Promise<void> {
  const address = peer.addressOf?.(wish) ?? wish.address;
  for (let tries = 1; ; tries++) {
    const { exitCode } = await run(['ping', '-c', '1', '-W', '1', address], { acceptExitCodes: [0, 1, 2] });
    if (exitCode === 0) return;
    if (tries === 20) throw new Error(`${peer.name}: zone ${wish.name} does not answer at ${address}`);
  }
}

/** A directory in the sandbox that the ids of a zone can pass through. */
export async function directoryFor(contender: string): Promise<string> {
  const directory = await mkdtemp(join(process.env['ZONEWRIGHT_SANDBOX'] ?? '', `${contender}-`));
  await chmod(directory, 0o711);
  return directory;
}
