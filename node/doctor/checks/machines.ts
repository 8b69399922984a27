import { existsSync, readFileSync } from 'node:fs';
import { limited, missing, ok, type Answer, type Check } from '../check.ts';

export const MACHINE_CHECKS: readonly Check[] = [
  { name: 'acceleration', probe: probeAcceleration },
  { name: 'QEMU', probe: probeQemu },
];

/** The device alone says nothing: some sandboxes have one that hangs every guest. */
async function probeAcceleration(): Promise<Answer> {
  const flag = /^flags\s*:.*\b(vmx|svm)\b/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  const device = existsSync('/dev/kvm');
  if (device && flag !== undefined) return ok(`KVM (${flag})`);
  if (device) return limited('TCG: /dev/kvm is there, but the processor shows neither vmx nor svm', 'Turn on virtualization in the firmware, or nested virtualization in the hypervisor above.');
  if (flag !== undefined) return limited(`TCG: the processor has ${flag}, but there is no /dev/kvm`, `Load the module: modprobe ${flag === 'vmx' ? 'kvm-intel' : 'kvm-amd'}`);
  return limited('TCG: the processor shows neither vmx nor svm', 'Turn on virtualization in the firmware, or nested virtualization in the hypervisor above.');
}

async function probeQemu(): Promise<Answer> {
  return existsSync('/usr/bin/qemu-system-x86_64') ? ok('installed') : missing('not installed; only machines need it, and they are not there yet', 'apt-get install qemu-system-x86');
}
