#!/bin/sh
# First program of a test's outer guest: drivers, devices as udev leaves them, cgroups, then the
# program that is named by the kernel's command line as everything after `--`. The guest goes when that has ended.
export PATH=/usr/sbin:/usr/bin
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
while read -r module; do
  insmod "/modules/$module" 2>/dev/null
done </modules/order
[ ! -e /dev/kvm ] || { chgrp 104 /dev/kvm && chmod 660 /dev/kvm; }
"$@" </dev/null
echo "outer guest: ended with $?"
echo b >/proc/sysrq-trigger
exec sleep 60
