#!/usr/bin/env bash
# Boot a host in namespaces of its own: systemd as first process over a root that stays as it is, ZFS by FUSE, cgroups of its own,
# no network but what it makes. To be run in the sandbox, which removes what namespaces do not hold. Dies with who started it.
#   boot-guest.sh <root> <scratch directory> <directory that it sees as /mnt>
set -euo pipefail

if [ "${1:-}" != inside ]; then
  groups="$ZONEWRIGHT_SANDBOX_NAME-guest-${2##*/}"
  for hierarchy in /sys/fs/cgroup/*/; do
    [ -e "$hierarchy/cgroup.procs" ] || continue
    # A host that starts has none of the groups that it had before its power was cut.
    [ ! -d "$hierarchy$groups" ] || find "$hierarchy$groups" -depth -type d -exec rmdir {} +
    mkdir -p "$hierarchy$groups"
    for file in cpuset.mems cpuset.cpus; do
      [ ! -e "$hierarchy$file" ] || cat "$hierarchy$file" >"$hierarchy$groups/$file"
    done
    echo $$ >"$hierarchy$groups/cgroup.procs"
  done
  exec setpriv --pdeathsig KILL -- unshare --mount --pid --net --ipc --uts --cgroup --fork --kill-child=KILL --propagation private -- "$0" inside "$@"
fi

root=$2 scratch=$3 shared=$4
mkdir -p "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mount --bind "$shared" mnt
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs run
# What it would set is the whole machine's.
mkdir -p run/systemd/system
ln -s /dev/null run/systemd/system/systemd-sysctl.service
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
for device in null zero full random urandom tty fuse; do cp -a "/dev/$device" dev/; done
mkdir dev/pts dev/shm dev/net
cp -a /dev/net/tun dev/net/
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm

mount -t tmpfs tmpfs sys/fs/cgroup
while IFS=: read -r _ controllers _; do
  case "$controllers" in
    '') mkdir sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 sys/fs/cgroup/unified ;;
    name=*) mkdir "sys/fs/cgroup/${controllers#name=}" && mount -t cgroup -o "none,$controllers" cgroup "sys/fs/cgroup/${controllers#name=}" ;;
    *) mkdir "sys/fs/cgroup/$controllers" && mount -t cgroup -o "$controllers" cgroup "sys/fs/cgroup/$controllers" ;;
  esac
done </proc/self/cgroup

ip link set lo up
hostname packaged
mkdir -p .outside
pivot_root . .outside
umount -l /.outside
rmdir /.outside
exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
