/**
 * System calls that no zone needs and that have been ways out of containers, or that reach beyond what namespaces divide.
 * A user namespace refuses most of them already; a filter in front keeps the kernel's code behind them out of reach.
 */
const REFUSED = [
  'acct',
  'create_module',
  'delete_module',
  'finit_module',
  'init_module',
  'ioperm',
  'iopl',
  'kexec_file_load',
  'kexec_load',
  'lookup_dcookie',
  'nfsservctl',
  'open_by_handle_at',
  'perf_event_open',
  'pciconfig_iobase',
  'pciconfig_read',
  'pciconfig_write',
  'query_module',
  'quotactl',
  'swapoff',
  'swapon',
  'userfaultfd',
  'uselib',
  'vm86',
  'vm86old',
];

const PERMISSION_DENIED = 1;

/** The seccomp policy of zones, in LXC's format. */
export function seccompPolicy(): string {
  return ['2', 'denylist', 'reject_force_umount', '[all]', ...REFUSED.map((call) => `${call} errno ${PERMISSION_DENIED}`), ''].join('\n');
}
