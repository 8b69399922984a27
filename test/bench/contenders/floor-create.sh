#!/bin/bash
# The least that a zone with network costs: a clone, a configuration, lxc-start. No checks, no records, no undo.
set -eu
origin=$1 dataset=$2 mountpoint=$3 directory=$4 name=$5 interface=$6 address=$7 first=$8 cgroup=$9
zfs clone "$origin" "$dataset"
mkdir -p "$directory/$name"
cat >"$directory/$name/config" <<CONFIG
lxc.uts.name = $name
lxc.rootfs.path = dir:$mountpoint/root
lxc.idmap = u 0 $first 65536
lxc.idmap = g 0 $first 65536
lxc.cgroup.dir = $cgroup/$name
lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed
lxc.autodev = 1
lxc.tty.max = 0
lxc.net.0.type = veth
lxc.net.0.veth.pair = $interface
lxc.net.0.link = zwadmin
lxc.net.0.name = eth0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = $address/16
CONFIG
exec lxc-start -d -P "$directory" -n "$name"
