import { readFileSync, statSync } from 'node:fs';
import { isSystemError } from '../errors/errors.ts';

/** How machines run here, and the reason in words for people. */
export interface Accelerator {
  readonly name: 'kvm' | 'tcg';
  readonly reason: string;
  /** The host's group whose members may use the device; undefined where everyone may, and without KVM. */
  readonly group?: number;
}

/**
 * KVM only where it works: the processor says `vmx` or `svm`, and `/dev/kvm` is there for a group or for everyone, since a
 * machine does not run as root. Some sandboxes have the device without the flag, and there every stock kernel hangs.
 */
export function accelerator(paths = { device: '/dev/kvm', cpuinfo: '/proc/cpuinfo' }): Accelerator {
  const flag = virtualizationFlag(readFileSync(paths.cpuinfo, 'utf8'));
  const access = accessTo(paths.device);
  if (access === undefined) {
    return { name: 'tcg', reason: flag ? `the processor has ${flag}, but there is no ${paths.device}` : `there is no ${paths.device}, and the processor shows neither vmx nor svm` };
  }
  if (!flag) return { name: 'tcg', reason: `${paths.device} is there, but the processor shows neither vmx nor svm: guests would hang on it` };
  if (access === 'root') return { name: 'tcg', reason: `the processor has ${flag}, but ${paths.device} is for root alone: give it to a group, as udev does (root:kvm 0660)` };
  const reason = `${paths.device} is there and the processor has ${flag}`;
  return access === 'everyone' ? { name: 'kvm', reason } : { name: 'kvm', reason, group: access.group };
}

function virtualizationFlag(cpuinfo: string): string | undefined {
  const flags = /^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.split(' ') ?? [];
  return flags.find((flag) => flag === 'vmx' || flag === 'svm');
}

/** Root's own group is none that a machine may be in. */
function accessTo(device: string): 'everyone' | 'root' | { readonly group: number } | undefined {
  try {
    const { mode, gid } = statSync(device);
    if ((mode & 0o006) === 0o006) return 'everyone';
    return (mode & 0o060) === 0o060 && gid !== 0 ? { group: gid } : 'root';
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
