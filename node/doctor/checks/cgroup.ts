import { cgroupLayout, hierarchies, hierarchyOf } from '../../../host/cgroup/hierarchies.ts';
import { limited, missing, ok, type Check } from '../check.ts';

/** What each controller limits, for one who lacks it. */
const CONTROLLERS: ReadonlyArray<readonly [names: readonly string[], limit: string]> = [
  [['memory'], 'max_physical_memory, max_swap'],
  [['cpu'], 'cpu_cap, cpu_shares'],
  [['pids'], 'max_lwps'],
  [['io', 'blkio'], 'zfs_io_priority'],
];

export const CGROUP_CHECKS: readonly Check[] = [
  {
    name: 'cgroups',
    needed: true,
    async probe() {
      if (hierarchies().length === 0) return missing('none mounted', 'Mount them: mount -t cgroup2 none /sys/fs/cgroup');
      const layout = cgroupLayout();
      return layout === 'v2' ? ok('v2') : limited(`${layout}: works, with per-controller limits set one by one`, 'Boot with systemd.unified_cgroup_hierarchy=1.');
    },
  },
  {
    name: 'controllers',
    async probe() {
      const absent = CONTROLLERS.filter(([names]) => !names.some((name) => hierarchyOf(name)));
      if (absent.length === 0) return ok(CONTROLLERS.map(([names]) => names.find((name) => hierarchyOf(name))).join(', '));
      return limited(`no ${absent.map(([[name], limits]) => `${name} (${limits} not enforced)`).join(', ')}`, 'Boot with cgroup_enable=memory, or a kernel with all controllers.');
    },
  },
  {
    name: 'device control',
    async probe() {
      const byGroup = hierarchyOf('devices');
      if (byGroup) return ok('devices controller (v1)');
      return cgroupLayout() === 'v1' ? missing('no devices controller', 'Use a kernel with CONFIG_CGROUP_DEVICE.') : ok('by BPF (v2)');
    },
  },
];
