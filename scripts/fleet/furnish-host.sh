#!/usr/bin/env bash
# Runs once in the new namespaces of a host: what it must have for itself.
#   furnish-host.sh <directory> <name> <address/prefix>
set -euo pipefail
directory=$1 name=$2 address=$3

hostname "$name"
cgroups=/run/zonewright-fleet/cgroup
mkdir -p "$cgroups" "$directory/$name/etc"
mount --rbind /sys/fs/cgroup "$cgroups"
umount -l /sys
mount -t sysfs sysfs /sys
mount --rbind "$cgroups" /sys/fs/cgroup
# An overlay on the sandbox's overlay is one too many for the kernel in some versions; a copy is small.
cp -a /etc/. "$directory/$name/etc/"
mount --bind "$directory/$name/etc" /etc
mkdir -p "$directory/$name/run" "$directory/$name/lib"
mkdir -p /var/lib/zonewright /run/zonewright
mount --bind "$directory/$name/lib" /var/lib/zonewright
mount --bind "$directory/$name/run" /run/zonewright
# The address moves to the bridge of the nic tag when the host is set up as a node.
ip address add "$address" dev eth0
printf '%s\n' "$name" >/etc/hostname
