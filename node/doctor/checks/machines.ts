import { existsSync, readFileSync } from 'node:fs';
import { accelerator } from '../../../host/qemu/accelerator.ts';
import { limited, missing, ok, type Answer, type Check } from '../check.ts';

export const MACHINE_CHECKS: readonly Check[] = [
  { name: 'acceleration', probe: probeAcceleration },
  { name: 'QEMU', probe: probeQemu },
];

/** What machines get is what is said here. */
async function probeAcceleration(): Promise<Answer> {
  const { name, reason } = accelerator();
  if (name === 'kvm') return ok(`KVM: ${reason}`);
  const flag = /^flags\s*:.*\b(vmx|svm)\b/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  if (flag === undefined) return limited(`TCG: ${reason}`, 'Turn on virtualization in the firmware, or nested virtualization in the hypervisor above.');
  return limited(`TCG: ${reason}`, existsSync('/dev/kvm') ? 'chgrp kvm /dev/kvm && chmod 660 /dev/kvm' : `Load the module: modprobe ${flag === 'vmx' ? 'kvm-intel' : 'kvm-amd'}`);
}

async function probeQemu(): Promise<Answer> {
  return existsSync('/usr/bin/qemu-system-x86_64') ? ok('installed') : missing('not installed; only machines need it', 'apt-get install qemu-system-x86 qemu-utils ovmf');
}
