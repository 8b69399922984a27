import { accessSync, constants, readFileSync } from 'node:fs';

/** How machines run here, and the reason in words for people. */
export interface Accelerator {
  readonly name: 'kvm' | 'tcg';
  readonly reason: string;
}

/**
 * KVM only where it works: `/dev/kvm` can be opened and the processor says `vmx` or `svm`. Some sandboxes have the device
 * without the flag, and there every stock kernel hangs.
 */
export function accelerator(paths = { device: '/dev/kvm', cpuinfo: '/proc/cpuinfo' }): Accelerator {
  const flag = virtualizationFlag(readFileSync(paths.cpuinfo, 'utf8'));
  const device = canOpen(paths.device);
  if (flag && device) return { name: 'kvm', reason: `${paths.device} is there and the processor has ${flag}` };
  if (device) return { name: 'tcg', reason: `${paths.device} is there, but the processor shows neither vmx nor svm: guests would hang on it` };
  return { name: 'tcg', reason: flag ? `the processor has ${flag}, but ${paths.device} cannot be opened` : `there is no usable ${paths.device}, and the processor shows neither vmx nor svm` };
}

function virtualizationFlag(cpuinfo: string): string | undefined {
  const flags = /^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.split(' ') ?? [];
  return flags.find((flag) => flag === 'vmx' || flag === 'svm');
}

function canOpen(device: string): boolean {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
