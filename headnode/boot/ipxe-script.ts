/** iPXE's scripts, as text. What goes into them has a form that iPXE neither expands nor splits. */
import { isIPv4 } from 'node:net';
import { headErrors } from '../errors.ts';
import { kernelArguments, type BootMode } from './kernel-arguments.ts';
import { dashed, type Machine } from './snapshot.ts';

/** Where a script's files are. */
export interface BootServer {
  readonly address: string;
  readonly port: number;
}

const AGAIN_SECONDS = 10;

/**
 * What DHCP names: it tells us which machine asks. `netX` is the interface that iPXE booted by.
 */
export function firstScript(server: BootServer): string {
  return lines(
    ':again',
    `chain --replace --autofree ${baseOf(server)}/boot.ipxe?mac=\${netX/mac}&uuid=\${uuid} || goto wait`,
    ':wait',
    ...waitAnd('goto again', 'The boot server did not answer.'),
  );
}

/**
 * Boot a machine into a platform. The boot modules are an archive that follows the initramfs; a loader on UEFI needs them named as
 * `initrd=`, one on BIOS passes over that.
 * @throws BootConfigInvalid
 */
export function bootScript(machine: Machine, { platform, server, mode = {} }: { readonly platform: string; readonly server: BootServer; readonly mode?: BootMode }): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(platform)) throw headErrors.BootConfigInvalid({ value: JSON.stringify(platform), form: 'a platform stamp' });
  const files = `${baseOf(server)}/os/${platform}/platform/x86_64`;
  const name = dashed(machine.mac);
  const words = kernelArguments(machine, mode);
  return lines(
    `echo ${machine.hostname}: platform ${platform}${mode.trialSeconds === undefined ? '' : ', on trial'}${mode.rescue ? ', rescue' : ''}`,
    ':again',
    'imgfree',
    `kernel --name vmlinuz ${files}/vmlinuz initrd=initramfs initrd=modules ${words.join(' ')} || goto wait`,
    `initrd --name initramfs ${files}/initramfs || goto wait`,
    `initrd --name modules ${baseOf(server)}/bootfs/${name}/modules.cpio || goto wait`,
    'boot || goto wait',
    ':wait',
    ...waitAnd('goto again', 'Booting failed.'),
  );
}

/** Say why a machine cannot boot yet, and ask again. @param reason one of ours, never a text of somebody else's */
export function waitScript(server: BootServer, reason: 'no-platform' | 'unknown' | 'invalid'): string {
  return lines(':again', ...waitAnd(`chain --replace --autofree ${baseOf(server)}/boot.ipxe || goto again`, REASONS[reason]));
}

const REASONS = {
  'no-platform': 'The head node has no platform image for this machine.',
  unknown: 'The head node cannot take new machines at the moment.',
  invalid: 'The boot parameters of this machine cannot be used: see the log of the head node.',
} as const;

function waitAnd(then: string, reason: string): string[] {
  return [`echo ${reason} Trying again in ${AGAIN_SECONDS} seconds.`, `sleep ${AGAIN_SECONDS}`, then];
}

function baseOf({ address, port }: BootServer): string {
  if (!isIPv4(address)) throw headErrors.BootConfigInvalid({ value: JSON.stringify(address), form: 'an IPv4 address' });
  return `http://${address}${port === 80 ? '' : `:${port}`}`;
}

function lines(...all: readonly string[]): string {
  return `#!ipxe\n${all.join('\n')}\n`;
}
