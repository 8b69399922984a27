/** What the package says of other packages: the programs that ours starts, by when they are needed. */

/** Where the kernel has no ZFS module the daemon serves; apt takes the first that the host's sources have. */
const ZFS = 'zfsutils-linux | zfs-fuse';

export const DEPENDS: readonly string[] = [
  'bubblewrap', 'bzip2', 'ca-certificates', 'iproute2', 'iputils-ping', 'kmod', 'libc6 (>= 2.34)', 'libcap2-bin', 'libgcc-s1', 'libstdc++6',
  'lxc', 'nftables', 'procps', 'socat', 'uidmap', 'xz-utils', ZFS, 'zstd',
];

/** For machines, and for zones whose addresses come from DHCP. */
export const RECOMMENDS: readonly string[] = ['busybox-static', 'ovmf', 'qemu-system-x86', 'qemu-utils'];

/** For a head node, and for a host that has AppArmor. */
export const SUGGESTS: readonly string[] = ['apparmor', 'bash-completion', 'dnsmasq-base', 'ipxe', 'postgresql'];
