import { headErrors } from '../errors.ts';
import type { BootParams } from './boot-params.ts';
import type { Machine } from './snapshot.ts';

/** How a boot differs from the usual one. */
export interface BootMode {
  /** This platform is tried: seconds until the node is to have said that it is healthy. */
  readonly trialSeconds?: number;
  /** Leave the pool alone. */
  readonly rescue?: boolean;
}

/**
 * The kernel's command line, word by word. The platform's own words win over those of boot parameters.
 * @throws BootConfigInvalid for a parameter that cannot be a word of a command line and of an iPXE script
 */
export function kernelArguments({ mac, hostname, params }: Pick<Machine, 'mac' | 'hostname' | 'params'>, { trialSeconds, rescue = false }: BootMode = {}): readonly string[] {
  const own: Readonly<Record<string, string | number | boolean>> = {
    hostname,
    admin_nic: mac,
    BOOTIF: `01-${mac.replaceAll(':', '-')}`,
    ...(rescue ? { noimport: true } : {}),
    // A kernel that panics tries again; its console says why.
    panic: 10,
    // A first stage that fails must not wait for a person while it is on trial.
    ...(trialSeconds === undefined ? {} : { 'zonewright.failure': 'reboot', 'zonewright.trial': trialSeconds }),
  };
  const given = Object.entries(params.kernel_args ?? {}).filter(([name, value]) => value !== null && !Object.hasOwn(own, name) && !(rescue && name === 'noimport'));
  return [
    ...consoles(params),
    ...flags(params),
    ...given.map(([name, value]) => argument(name, value)),
    ...Object.entries(own).map(([name, value]) => argument(name, value)),
  ];
}

/** The last one is where init's words go. */
function consoles({ default_console: chosen, serial }: BootParams): readonly string[] {
  const line = `console=${SERIAL_NAMES[serial ?? 'ttya'] ?? word('a serial line', serial ?? '')},115200n8`;
  return chosen === 'vga' ? [line, 'console=tty0'] : ['console=tty0', line];
}

const SERIAL_NAMES: Readonly<Record<string, string>> = { ttya: 'ttyS0', ttyb: 'ttyS1', ttyc: 'ttyS2', ttyd: 'ttyS3' };

/** Words without a value. Those of the illumos kernel (`-k`, `-d`, `-v`) mean nothing to Linux. */
function flags({ kernel_flags: given = {}, smt_enabled: smt }: BootParams): readonly string[] {
  const names = Object.entries(given).filter(([name, value]) => !name.startsWith('-') && value !== null && value !== false && value !== 'false');
  return [...names.map(([name]) => word('a kernel flag', name)), ...(smt === false ? ['nosmt'] : [])];
}

function argument(name: string, value: string | number | boolean | null): string {
  return `${word('a kernel argument', name)}=${isArgumentValue(String(value)) ? String(value) : refuse('the value of a kernel argument', String(value))}`;
}

/** Words that mean the same to the kernel, to iPXE's scripts and to GRUB: nothing that any of them expands, quotes or splits at. */
export function isArgumentName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(text);
}

export function isArgumentValue(text: string): boolean {
  return /^[A-Za-z0-9_.,:/@%+=-]{0,256}$/.test(text);
}

function word(form: string, text: string): string {
  return isArgumentName(text) ? text : refuse(form, text);
}

function refuse(form: string, text: string): never {
  throw headErrors.BootConfigInvalid({ value: JSON.stringify(text), form });
}
