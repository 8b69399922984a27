/**
 * One boot partition: GRUB's menu and environment, and platform images. Every disk of the pool has one, and each is written by itself, in
 * turn: when the power fails in the middle the disks before are done and those after are as they were.
 */
import { join } from 'node:path';
import { ZonewrightError } from '../../host/errors/errors.ts';
import { copyIntoFat, formatFat, freeBytesInFat, listFat, makeFatDirectory, readFatFile, removeFromFat, renameInFat, writeFatFile } from '../../host/fat/fat-volume.ts';
import { encodeEnvironment, parseEnvironment } from '../../host/grub/env-block.ts';
import { LOADER_DIRECTORY } from '../../host/grub/loader.ts';
import { encodeMenu, LOADER_CONFIG, LOADER_FILES, type MenuEntry } from '../../host/grub/menu.ts';
import { requireRoom } from '../../host/platform-source/require-room.ts';
import { platformErrors } from './errors.ts';
import { isStamp, type Stamp } from './stamp.ts';

export interface BootPartition {
  /** As mtools names it: `/dev/vda2`. */
  readonly volume: string;
  readonly stamps: readonly Stamp[];
  /** Booted unless something else is said. */
  readonly saved: Stamp | undefined;
  /** Booted once, on trial. */
  readonly next: Stamp | undefined;
  /** Bytes. */
  readonly free: number;
}

const EFI_LOADER = '/EFI/BOOT/BOOTX64.EFI';
/** What the kernel is told on every boot from a disk: consoles on screen and serial port, and that a panic is no end. */
const WORDS = ['console=tty0', 'console=ttyS0,115200', 'panic=10', 'zonewright.boot=disk'];

/** A file system with GRUB and no platform image. */
export async function formatBootPartition(volume: string, options: { readonly sectors: number; readonly efi: Uint8Array }): Promise<void> {
  await formatFat(volume, { sectors: options.sectors, label: 'ZWBOOT' });
  for (const directory of ['/EFI', '/EFI/BOOT', LOADER_DIRECTORY]) await makeFatDirectory(volume, directory);
  await writeLoader(volume, options.efi);
  await writeFatFile(volume, loaderFile('environment'), encodeEnvironment({}));
}

/** GRUB for UEFI, and the part of its configuration that stays. */
export async function writeLoader(volume: string, efi: Uint8Array): Promise<void> {
  await attempt(volume, async () => {
    await writeFatFile(volume, EFI_LOADER, efi);
    await writeFatFile(volume, loaderFile('config'), LOADER_CONFIG);
  });
}

export async function readBootPartition(volume: string): Promise<BootPartition> {
  const [names, block, free] = await Promise.all([listFat(volume), readFatFile(volume, loaderFile('environment')), freeBytesInFat(volume)]);
  const { saved_entry: saved, next_entry: next } = parseEnvironment(block);
  return { volume, stamps: names.flatMap((name) => stampIn(/^(.*)\/$/.exec(name)?.[1]) ?? []).sort(), saved: stampIn(saved), next: stampIn(next), free };
}

export interface Placing {
  readonly stamp: Stamp;
  /** Directory of the host with its files. */
  readonly directory: string;
  readonly bytes: number;
  /** Stamps that are not taken away to make room. */
  readonly keep: ReadonlySet<Stamp>;
  readonly signal?: AbortSignal | undefined;
}

/** Put a platform image on a boot partition; older ones that nobody needs make room. It is in no menu yet. @throws PlatformSpace, BootDiskFailed */
export async function placePlatform(volume: string, { stamp, directory, bytes, keep, signal }: Placing): Promise<void> {
  await attempt(volume, async () => {
    await sweep(volume);
    const partition = await readBootPartition(volume);
    if (partition.stamps.includes(stamp)) return;
    await makeRoom(partition, bytes + SPARE_BYTES, keep);
    const half = `/new-${stamp}`;
    await makeFatDirectory(volume, half);
    try {
      await copyIntoFat(volume, ['vmlinuz', 'initramfs'].map((name) => join(directory, name)), half, { ...(signal && { signal }) });
    } catch (error) {
      await removeFromFat(volume, half);
      throw error;
    }
    await renameInFat(volume, half, `/${entryName(stamp)}`);
  });
}

/** Write the menu with every image that is there. @param safe what is booted when nothing else is said */
export async function writeMenu(volume: string, safe: Stamp, trialSeconds: number): Promise<void> {
  await attempt(volume, async () => {
    const { stamps } = await readBootPartition(volume);
    const menu = encodeMenu({
      entries: stamps.toReversed().map(entryOf),
      safe: entryName(safe),
      trialWords: [`zonewright.trial=${trialSeconds}`, 'zonewright.failure=reboot'],
      rescueWords: ['noimport=true'],
    });
    const before = await readFatFile(volume, loaderFile('menu'));
    if (before === menu) return;
    await writeFatFile(volume, loaderFile('menuBefore'), before ?? menu);
    await writeFatFile(volume, loaderFile('menu'), menu);
  });
}

/** Say what is booted: `saved`, or `next` once and then `saved`. */
export async function setNextBoot(volume: string, { saved, next }: { readonly saved: Stamp; readonly next?: Stamp | undefined }): Promise<void> {
  const block = encodeEnvironment({ saved_entry: entryName(saved), next_entry: next === undefined ? '' : entryName(next) });
  await attempt(volume, async () => {
    if ((await readFatFile(volume, loaderFile('environment'))) !== block) await writeFatFile(volume, loaderFile('environment'), block);
  });
}

/** Take an image's files away. It must be in no menu any more. */
export async function removePlatformFrom(volume: string, stamp: Stamp): Promise<void> {
  await attempt(volume, async () => {
    if ((await readBootPartition(volume)).stamps.includes(stamp)) await removeFromFat(volume, `/${entryName(stamp)}`);
  });
}

/** For directories and the file system's own tables. */
const SPARE_BYTES = 4 * 1024 ** 2;

async function makeRoom({ volume, stamps, free }: BootPartition, needed: number, keep: ReadonlySet<Stamp>): Promise<void> {
  let room = free;
  for (const stamp of stamps.filter((one) => !keep.has(one))) {
    if (room >= needed) return;
    // GRUB skips an entry whose files are gone, and the menu is written anew next.
    await removeFromFat(volume, `/${entryName(stamp)}`);
    room = await freeBytesInFat(volume);
  }
  requireRoom(`the boot partition ${volume}`, room, needed);
}

/** What a copy that was cut off left. */
async function sweep(volume: string): Promise<void> {
  for (const name of await listFat(volume)) if (/^new-[^/]+\/$/.test(name)) await removeFromFat(volume, `/${name.slice(0, -1)}`);
}

function entryOf(stamp: Stamp): MenuEntry {
  return { id: entryName(stamp), title: `Zonewright ${stamp}`, directory: `/${entryName(stamp)}`, words: WORDS };
}

/** Also the name of its directory. */
function entryName(stamp: Stamp): string {
  return `platform-${stamp}`;
}

function stampIn(name: string | undefined): Stamp | undefined {
  const stamp = name?.startsWith('platform-') === true ? name.slice('platform-'.length) : undefined;
  return isStamp(stamp) ? stamp : undefined;
}

function loaderFile(name: keyof typeof LOADER_FILES): string {
  return `${LOADER_DIRECTORY}/${LOADER_FILES[name]}`;
}

async function attempt(volume: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ZonewrightError) || error.code !== 'CommandFailed') throw error;
    throw platformErrors.BootDiskFailed({ partition: volume, reason: error.message }, { cause: error });
  }
}
