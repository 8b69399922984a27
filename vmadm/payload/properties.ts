/**
 * The properties of an instance (reference §2.7). One row is everything that is known of a property; see `property.ts` for
 * what the columns mean. Rows stand in the order in which `get` prints them.
 */
import { ALL, BHYVE, DOCKER_CAPABLE, HVM, KVM, LX, OS, OS_AND_KVM, type PropertyTable } from './property.ts';

/** 8 PiB, less what derived limits add: as bytes it is still an exact number. */
const MAX_MIB = 2 ** 33 - 2048;
/** 8 EiB, the end of what ZFS counts. */
const MAX_GIB = 2 ** 33 - 1;
const INT64_MAX = 2 ** 63;
const MAX_COUNT = 2 ** 31 - 1;

const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

export const PROPERTIES = {
  // Who it is.
  zonename: { type: 'string', brands: ALL, actions: 'cr', format: 'zonename', defaultText: 'the uuid', summary: 'name of the zone' },
  uuid: { type: 'uuid', brands: ALL, actions: 'cr', always: true, defaultText: 'generated', summary: 'the instance; unique on the node' },
  brand: { type: 'string', brands: ALL, actions: 'cr', always: true, required: ['joyent', 'joyent-minimal', 'builder', 'lx', 'kvm'], summary: 'kind of instance: joyent, joyent-minimal, builder, lx, kvm or bhyve' },
  v: { type: 'integer', brands: ALL, actions: 'r', always: true, min: 0, default: 1, summary: 'version of the record' },
  alias: { type: 'string', brands: ALL, actions: 'cru', applies: 'live', summary: 'name for people; need not be unique' },
  hostname: { type: 'string', brands: ALL, actions: 'cru', format: 'hostname', applies: 'reboot', defaultText: 'the uuid', summary: 'host name of the guest, at most 64 bytes' },
  dns_domain: { type: 'string', brands: OS, actions: 'cru', default: 'local', applies: 'reboot', summary: 'search domain of the guest' },
  owner_uuid: { type: 'string', brands: ALL, actions: 'cru', always: true, format: 'owner', default: ZERO_UUID, applies: 'live', summary: 'who owns it; instances of different owners share no user ids' },
  billing_id: { type: 'string', brands: ALL, actions: 'cru', always: true, default: ZERO_UUID, applies: 'live', summary: 'opaque text of whoever bills' },
  package_name: { type: 'string', brands: OS_AND_KVM, actions: 'cru', applies: 'live', deprecated: true, summary: 'opaque name of a package' },
  package_version: { type: 'string', brands: OS_AND_KVM, actions: 'cru', applies: 'live', deprecated: true, summary: 'opaque version of a package' },
  type: { type: 'reported', brands: ALL, actions: '', summary: 'OS, LX, KVM or BHYVE' },
  hvm: { type: 'reported', brands: ALL, actions: '', summary: 'whether it is a machine' },

  // Its state.
  state: { type: 'reported', brands: ALL, actions: '', summary: 'what it is doing: running, stopped, provisioning, stopping, failed …' },
  zone_state: { type: 'reported', brands: ALL, actions: '', summary: 'state as the kernel sees it: installed is what state calls stopped' },
  transition_to: { type: 'reported', brands: ALL, actions: '', summary: 'state that a transition leads to' },
  transition_expire: { type: 'reported', brands: ALL, actions: '', unit: 'ms since 1970', summary: 'when a transition is given up' },
  transition: { type: 'flat-object', brands: ALL, actions: 'r', transient: true, summary: 'transition of an instance that is being received' },
  create_only: { type: 'boolean', brands: ALL, actions: 'r', transient: true, summary: 'receive only its configuration' },
  autoboot: { type: 'boolean', brands: ALL, actions: 'cru', always: true, default: true, applies: 'live', summary: 'boot it with the node; `start` sets it, `stop` clears it' },
  nowait: { type: 'boolean', brands: OS, actions: 'cr', transient: true, defaultText: 'false', summary: 'do not wait until the guest has set itself up' },
  pid: { type: 'reported', brands: ALL, actions: '', summary: 'process id of init, as the host sees it' },
  zoneid: { type: 'reported', brands: ALL, actions: '', summary: 'number of the running zone' },
  zonedid: { type: 'reported', brands: ALL, actions: '', summary: 'number of the zone on this node' },
  boot_timestamp: { type: 'reported', brands: ALL, actions: '', summary: 'when it booted' },
  exit_status: { type: 'reported', brands: ALL, actions: '', summary: 'how init ended last: status, or a signal as a negative number' },
  exit_timestamp: { type: 'reported', brands: ALL, actions: '', summary: 'when init ended last' },
  exit_console: { type: 'reported', brands: HVM, actions: '', summary: 'last lines of the console of a machine that ended by itself' },
  paused: { type: 'reported', brands: HVM, actions: '', summary: 'why a machine that runs stands still, and since when: `no-space` when the pool has no room for what it writes' },
  init_restarts: { type: 'reported', brands: ALL, actions: '', summary: 'how often init was started again' },
  create_timestamp: { type: 'string', brands: ALL, actions: 'r', always: true, defaultText: 'now', summary: 'when it was created' },
  last_modified: { type: 'reported', brands: ALL, actions: '', summary: 'when its configuration changed last' },
  server_uuid: { type: 'reported', brands: ALL, actions: '', summary: 'the node that it runs on' },
  datacenter_name: { type: 'reported', brands: ALL, actions: '', summary: 'the data centre of the node' },
  platform_buildstamp: { type: 'reported', brands: ALL, actions: '', summary: 'the platform that the node runs' },
  missing: { type: 'reported', brands: ALL, actions: '', summary: 'datasets, disks and file systems that are gone' },

  // Memory.
  ram: { type: 'integer', brands: ALL, actions: 'cru', min: 0, max: MAX_MIB, unit: 'MiB', defaultText: '256', applies: 'reboot', summary: "a machine's memory; for zones another name of max_physical_memory" },
  max_physical_memory: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, max: MAX_MIB, unit: 'MiB', defaultText: 'ram; kvm: ram+1024; bhyve: ram+1280', applies: 'live', summary: 'memory that all its processes may use' },
  max_locked_memory: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, max: MAX_MIB, unit: 'MiB', defaultText: 'max_physical_memory, which is also its maximum', applies: 'live', summary: 'memory that a process may lock' },
  max_swap: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 256, max: MAX_MIB, unit: 'MiB', defaultText: 'max_physical_memory, which is also its minimum', applies: 'live', summary: 'memory and swap together' },
  max_shm_memory: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, max: MAX_MIB, unit: 'MiB', defaultText: 'max_physical_memory', applies: 'live', summary: 'System V shared memory' },
  tmpfs: { type: 'integer', brands: OS, actions: 'cru', min: 0, max: MAX_MIB, unit: 'MiB', defaultText: 'max_physical_memory, which is also its maximum', applies: 'reboot', summary: 'size of the tmpfs at /tmp; 0 for none' },

  // Other limits.
  vcpus: { type: 'integer', brands: HVM, actions: 'cru', min: 1, max: 1024, default: 1, applies: 'reboot', summary: 'processors of a machine' },
  cpu_cap: { type: 'integer', brands: ALL, actions: 'cru', min: 0, max: MAX_COUNT, unit: '% of one CPU', defaultText: 'none', applies: 'live', hidden: 'when-zero', summary: 'processor time that it may use; 0 removes the cap' },
  cpu_shares: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, default: 100, applies: 'live', summary: 'share of the processors when they are busy; values above 65535 count as that' },
  cpu_type: { type: 'string', brands: KVM, actions: 'cru', defaultText: 'host', applies: 'reboot', summary: 'processor model that QEMU shows' },
  zfs_io_priority: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, default: 100, max: MAX_COUNT, applies: 'live', summary: 'share of the disks when they are busy' },
  max_lwps: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, max: MAX_COUNT, default: 2000, unit: 'threads', applies: 'live', summary: 'threads of all its processes' },
  max_msg_ids: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, max: MAX_COUNT, default: 4096, applies: 'live', summary: 'System V message queues' },
  max_sem_ids: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, max: MAX_COUNT, default: 4096, applies: 'live', summary: 'System V semaphore sets' },
  max_shm_ids: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, max: MAX_COUNT, default: 4096, applies: 'live', summary: 'System V shared memory segments' },
  limit_priv: { type: 'list', brands: ALL, actions: 'cru', always: true, joined: true, format: 'privilege', defaultText: 'default', applies: 'reboot', summary: 'privileges: `default`, then names to add and -names to take away' },
  fs_allowed: { type: 'list', brands: OS, actions: 'cru', joined: true, format: 'name', hidden: 'when-empty', defaultText: "the brand's", applies: 'reboot', summary: 'types of file system that the guest may mount' },

  // Storage.
  image_uuid: { type: 'uuid', brands: ALL, actions: 'cr', required: OS, summary: 'image that its root is cloned from' },
  dataset_uuid: { type: 'uuid', brands: OS, actions: 'cr', transient: true, deprecated: true, summary: 'older name of image_uuid' },
  zone_dataset_uuid: { type: 'uuid', brands: HVM, actions: 'cr', transient: true, summary: "image of a machine's zone; not used" },
  zpool: { type: 'zpool', brands: ALL, actions: 'cr', always: true, defaultText: 'zones', summary: 'pool that holds it' },
  zfs_storage_pool_name: { type: 'zpool', brands: OS_AND_KVM, actions: 'cr', transient: true, deprecated: true, summary: 'older name of zpool' },
  zfs_filesystem: { type: 'string', brands: ALL, actions: 'r', transient: true, summary: 'its dataset' },
  zonepath: { type: 'reported', brands: ALL, actions: '', summary: 'where its dataset is mounted' },
  quota: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, max: MAX_GIB, unit: 'GiB', defaultText: '10; bhyve: 1', applies: 'live', summary: 'space that its root may use; 0 for no limit' },
  zfs_root_recsize: { type: 'integer', brands: ALL, actions: 'cru', always: true, min: 0, default: 131072, unit: 'bytes', applies: 'live', summary: 'record size of its root: a power of two from 512 to 131072' },
  zfs_root_compression: { type: 'string', brands: ALL, actions: 'cru', applies: 'live', defaultText: 'off', summary: 'compression of its root' },
  zfs_data_recsize: { type: 'integer', brands: OS, actions: 'cru', min: 0, unit: 'bytes', applies: 'live', defaultText: '131072', summary: 'record size of its delegated dataset' },
  zfs_data_compression: { type: 'string', brands: OS, actions: 'cru', applies: 'live', defaultText: 'off', summary: 'compression of its delegated dataset' },
  zfs_filesystem_limit: { type: 'integer', brands: ALL, actions: 'cru', min: 0, applies: 'live', defaultText: 'none', summary: 'number of datasets that it may hold' },
  zfs_snapshot_limit: { type: 'integer', brands: ALL, actions: 'cru', min: 0, applies: 'live', defaultText: 'none', summary: 'number of snapshots that it may hold' },
  delegate_dataset: { type: 'boolean', brands: OS, actions: 'cr', hidden: 'always', defaultText: 'false', summary: 'make a dataset that the guest manages itself' },
  datasets: { type: 'list', brands: ALL, actions: 'r', hidden: 'when-empty', summary: 'delegated datasets' },
  snapshots: { type: 'reported', brands: ALL, actions: '', summary: 'snapshots, newest first' },
  filesystems: { type: 'object-array', brands: OS, actions: 'cr', elements: 'filesystems', hidden: 'when-empty', summary: 'directories of the host that the guest sees' },
  add_filesystems: { transient: true, type: 'object-array', brands: OS_AND_KVM, actions: 'u', elements: 'filesystems', applies: 'reboot', summary: 'file systems to add' },
  update_filesystems: { transient: true, type: 'object-array', brands: OS_AND_KVM, actions: 'u', elements: 'filesystems', applies: 'reboot', summary: 'file systems to change, by target' },
  remove_filesystems: { transient: true, type: 'list', brands: ALL, actions: 'u', applies: 'reboot', summary: 'targets of file systems to remove' },
  flexible_disk_size: { type: 'integer', brands: BHYVE, actions: 'cru', min: 0, max: MAX_MIB, unit: 'MiB', applies: 'live', defaultText: 'none', summary: 'space for all disks and their snapshots' },
  free_space: { type: 'reported', brands: BHYVE, actions: '', unit: 'MiB', summary: 'what is left of flexible_disk_size' },
  disks: { type: 'object-array', brands: HVM, actions: 'cr', elements: 'disks', summary: 'disks of a machine' },
  add_disks: { transient: true, type: 'object-array', brands: HVM, actions: 'u', elements: 'disks', applies: 'stop', summary: 'disks to add' },
  update_disks: { transient: true, type: 'object-array', brands: HVM, actions: 'u', elements: 'disks', applies: 'stop', summary: 'disks to change, by path' },
  remove_disks: { transient: true, type: 'list', brands: HVM, actions: 'u', applies: 'stop', summary: 'paths of disks to remove; their volumes are destroyed' },
  disk_driver: { type: 'string', brands: HVM, actions: 'cru', applies: 'stop', summary: 'model of disks that name none' },

  // Network.
  nics: { type: 'object-array', brands: ALL, actions: 'cr', elements: 'nics', summary: 'network interfaces' },
  add_nics: { transient: true, type: 'object-array', brands: ALL, actions: 'u', elements: 'nics', applies: 'reboot', summary: 'nics to add' },
  update_nics: { transient: true, type: 'object-array', brands: ALL, actions: 'u', elements: 'nics', applies: 'reboot', summary: 'nics to change, by mac' },
  remove_nics: { transient: true, type: 'list', brands: ALL, actions: 'u', format: 'mac', applies: 'reboot', summary: 'MAC addresses of nics to remove' },
  nic_driver: { type: 'string', brands: HVM, actions: 'cru', applies: 'reboot', summary: 'model of nics that name none' },
  default_gateway: { type: 'reported', brands: ALL, actions: '', deprecated: true, summary: 'use gateways of the primary nic' },
  resolvers: { type: 'list', brands: ALL, actions: 'cru', always: true, format: 'ip', applies: 'live', summary: 'name servers' },
  maintain_resolvers: { type: 'boolean', brands: OS, actions: 'cru', hidden: 'when-false', applies: 'live', defaultText: 'false', summary: 'carry changes of resolvers into the running guest' },
  routes: { type: 'flat-object', brands: ALL, actions: 'cr', always: true, key: true, summary: 'routes: destination to an address, nics[N] or macs[MAC]' },
  set_routes: { type: 'flat-object', brands: ALL, actions: 'u', key: true, applies: 'live', transient: true, summary: 'routes to add or replace' },
  remove_routes: { type: 'list', brands: ALL, actions: 'u', applies: 'live', transient: true, summary: 'destinations of routes to remove' },
  firewall_enabled: { type: 'boolean', brands: ALL, actions: 'cru', always: true, default: false, applies: 'live', summary: 'apply the rules of fwadm to it' },

  // What others know of it.
  tags: { type: 'flat-object', brands: ALL, actions: 'cr', always: true, summary: 'labels' },
  set_tags: { type: 'flat-object', brands: ALL, actions: 'u', applies: 'live', transient: true, summary: 'tags to add or replace' },
  remove_tags: { type: 'list', brands: ALL, actions: 'u', applies: 'live', transient: true, summary: 'tags to remove' },
  customer_metadata: { type: 'flat-object', brands: ALL, actions: 'cr', always: true, summary: 'metadata that the guest reads and writes' },
  set_customer_metadata: { type: 'flat-object', brands: ALL, actions: 'u', applies: 'live', transient: true, summary: 'customer metadata to add or replace' },
  remove_customer_metadata: { type: 'list', brands: ALL, actions: 'u', applies: 'live', transient: true, summary: 'customer metadata to remove' },
  internal_metadata: { type: 'flat-object', brands: ALL, actions: 'cr', always: true, summary: "metadata of the node's operator" },
  set_internal_metadata: { type: 'flat-object', brands: ALL, actions: 'u', applies: 'live', transient: true, summary: 'internal metadata to add or replace' },
  remove_internal_metadata: { type: 'list', brands: ALL, actions: 'u', applies: 'live', transient: true, summary: 'internal metadata to remove' },
  internal_metadata_namespaces: { type: 'list', brands: ALL, actions: 'cru', format: 'name', hidden: 'when-empty', applies: 'live', summary: 'prefixes of keys that the guest may read but not write' },
  do_not_inventory: { type: 'boolean', brands: ALL, actions: 'cru', hidden: 'when-false', applies: 'live', defaultText: 'false', summary: 'a fleet does not count it' },
  archive_on_delete: { type: 'boolean', brands: ALL, actions: 'cru', hidden: 'when-false', applies: 'live', defaultText: 'false', summary: 'keep what it was when it is deleted' },
  indestructible_zoneroot: { type: 'boolean', brands: ALL, actions: 'cru', hidden: 'when-false', applies: 'live', defaultText: 'false', summary: 'refuse to delete it' },
  indestructible_delegated: { type: 'boolean', brands: ALL, actions: 'cru', hidden: 'when-false', applies: 'live', defaultText: 'false', summary: 'refuse to delete its delegated dataset' },

  // How a zone starts.
  kernel_version: { type: 'string', brands: LX, actions: 'cru', required: LX, applies: 'reboot', summary: 'kernel version that an lx guest expects, like 5.10.0' },
  init_name: { type: 'string', brands: OS, actions: 'cru', format: 'absolutePath', applies: 'reboot', defaultText: "the brand's", summary: 'path of init' },
  restart_init: { type: 'boolean', brands: OS, actions: 'cru', hidden: 'when-true', applies: 'reboot', defaultText: 'true', summary: 'when false the zone stops when init ends' },
  mdata_exec_timeout: { type: 'integer', brands: OS, actions: 'c', min: 0, unit: 'seconds', hidden: 'always', defaultText: '300', summary: "time for the guest's first script; 0 for no limit" },
  docker: { type: 'boolean', brands: DOCKER_CAPABLE, actions: 'cru', hidden: 'when-false', applies: 'reboot', defaultText: 'false', summary: 'the image is an application, not a system' },
  zlog_mode: { type: 'reported', brands: OS, actions: '', summary: "how a docker instance's output is logged" },
  zlog_max_size: { type: 'integer', brands: OS, actions: 'cru', min: 0, max: INT64_MAX, unit: 'bytes', applies: 'reboot', summary: "size at which a docker instance's log is rotated" },
  app_svc_dependent: { type: 'reported', brands: OS, actions: '', summary: 'a helper on the host must run for its log driver' },

  // How a machine starts.
  boot: { type: 'string', brands: HVM, actions: 'cru', applies: 'reboot', summary: 'boot order, as QEMU spells it' },
  bootrom: { type: 'string', brands: BHYVE, actions: 'cru', format: 'bootrom', applies: 'reboot', defaultText: "what the boot disk's image asks for, else bios", summary: 'firmware: bios or uefi' },
  com1: { type: 'string', brands: BHYVE, actions: 'cru', applies: 'reboot', summary: 'first serial port' },
  com2: { type: 'string', brands: BHYVE, actions: 'cru', applies: 'reboot', summary: 'second serial port' },
  bhyve_extra_opts: { type: 'string', brands: BHYVE, actions: 'cru', applies: 'reboot', summary: 'further arguments of the hypervisor' },
  qemu_opts: { type: 'string', brands: KVM, actions: 'cru', applies: 'reboot', summary: 'all arguments of the hypervisor' },
  qemu_extra_opts: { type: 'string', brands: KVM, actions: 'cru', applies: 'reboot', summary: 'further arguments of the hypervisor' },
  vga: { type: 'string', brands: KVM, actions: 'cru', applies: 'reboot', defaultText: 'std', summary: 'graphics card: cirrus, std, vmware, qxl or xenfb' },
  vnc_password: { type: 'string', brands: HVM, actions: 'cru', applies: 'live', summary: 'password of the console over VNC, at most 8 characters' },
  vnc_port: { type: 'integer', brands: HVM, actions: 'cru', min: -1, max: 65535, applies: 'live', defaultText: '0', summary: 'port of VNC: 0 for any, -1 for none' },
  spice_opts: { type: 'string', brands: KVM, actions: 'cru', applies: 'reboot', summary: 'options of SPICE' },
  spice_password: { type: 'string', brands: KVM, actions: 'cru', applies: 'live', summary: 'password of SPICE' },
  spice_port: { type: 'integer', brands: KVM, actions: 'cru', min: -1, max: 65535, applies: 'live', defaultText: '0', summary: 'port of SPICE: 0 for any, -1 for none' },
  virtio_txburst: { type: 'integer', brands: KVM, actions: 'cru', min: 0, applies: 'reboot', defaultText: '128', summary: 'kept, not used' },
  virtio_txtimer: { type: 'integer', brands: KVM, actions: 'cru', min: 0, applies: 'reboot', defaultText: '200000', summary: 'kept, not used' },
  pci_devices: { type: 'object-array', brands: BHYVE, actions: 'cru', elements: 'pci_devices', applies: 'stop', hidden: 'when-empty', summary: "devices of the host that are the machine's" },
  add_pci_devices: { transient: true, type: 'object-array', brands: BHYVE, actions: 'cur', elements: 'pci_devices', applies: 'stop', summary: 'devices to add' },
  update_pci_devices: { transient: true, type: 'object-array', brands: BHYVE, actions: 'u', elements: 'pci_devices', applies: 'stop', summary: 'devices to change, by path' },
  remove_pci_devices: { transient: true, type: 'list', brands: BHYVE, actions: 'u', applies: 'stop', summary: 'paths of devices to remove' },
} as const satisfies PropertyTable;

export type PropertyName = keyof typeof PROPERTIES;
