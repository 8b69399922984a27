/**
 * Taps of machines. A veth pair leads from the bridge to a macvtap that has the pair's other end for itself; the machine's
 * QEMU inherits the open device and needs neither a network namespace with interfaces nor the right to make any. The
 * end at the bridge is named like that of a zone's nic, so filters and counters are the same for both.
 */
import { open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../errors/errors.ts';
import { run } from '../run/run.ts';
import { joinVlan } from './bridge.ts';

export interface TapOptions {
  /** Name of the end at the bridge. */
  readonly interface: string;
  readonly bridge: string;
  readonly mac: string;
  readonly mtu?: number | undefined;
  /** The VLAN that it is in, on a bridge that filters them; 0 and undefined are none. */
  readonly vlan?: number | undefined;
  /** A private directory for the device node while it is opened. */
  readonly directory: string;
}

/** Make a tap and open it. The caller passes the descriptor on to QEMU and closes its own. */
export async function openTap(options: TapOptions): Promise<FileHandle> {
  await removeTap(options.interface);
  const { inner, device } = namesOf(options.interface);
  const mtu = options.mtu === undefined ? [] : ['mtu', String(options.mtu)];
  await run(['ip', 'link', 'add', options.interface, ...mtu, 'type', 'veth', 'peer', 'name', inner, ...mtu]);
  try {
    await run(['ip', 'link', 'set', options.interface, 'master', options.bridge]);
    if (options.vlan) await joinVlan(options.interface, options.vlan);
    await run(['ip', 'link', 'set', options.interface, 'up']);
    await run(['ip', 'link', 'set', inner, 'up']);
    await run(['ip', 'link', 'add', 'link', inner, 'name', device, 'address', options.mac, 'type', 'macvtap', 'mode', 'passthru']);
    await run(['ip', 'link', 'set', device, 'up']);
    return await openDevice(device, options.directory);
  } catch (error) {
    await removeTap(options.interface);
    throw error;
  }
}

/** Take a tap away; it is no error when it is not there. The other interfaces go with the end at the bridge. */
export async function removeTap(name: string): Promise<void> {
  await run(['ip', 'link', 'delete', name], { acceptExitCodes: [0, 1] });
}

/** The device's number is that of this network namespace; its node in /dev may be another namespace's of the same name. */
async function openDevice(device: string, directory: string): Promise<FileHandle> {
  const [entry] = await readdir(`/sys/class/net/${device}/macvtap`);
  const numbers = (await readFile(`/sys/class/net/${device}/macvtap/${entry}/dev`, 'utf8')).trim().split(':');
  try {
    return await openByNode(join(directory, device), numbers);
  } catch (error) {
    if (!isSystemError(error, 'EACCES')) throw error;
    // systemd mounts /run without devices.
    return await openByNode(join('/dev', `zonewright-${device}`), numbers);
  }
}

async function openByNode(node: string, numbers: readonly string[]): Promise<FileHandle> {
  await rm(node, { force: true });
  await run(['mknod', '-m', '0600', '--', node, 'c', ...numbers]);
  try {
    return await open(node, 'r+');
  } finally {
    await rm(node, { force: true });
  }
}

function namesOf(name: string): { inner: string; device: string } {
  return { inner: name.replace(/^zw/, 'zi'), device: name.replace(/^zw/, 'zt') };
}
