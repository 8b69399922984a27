#!/usr/bin/env bash
# Make the fleet's hosts inside the sandbox: each a network namespace with a cable to one switch, a mount namespace with
# an /etc, /run and sysfs of its own, and a host name. They share the sandbox's kernel and ZFS daemon, nothing else.
#   make-hosts.sh <directory> <name>=<address/prefix>...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
directory=$1
shift

# Pools are mounted below the directory by the one ZFS daemon and unmounted by the hosts' commands: each must see the
# other's doing. Everything else is mounted privately in the sandbox, and so in every host.
mkdir -p "$directory"
mount --bind "$directory" "$directory"
mount --make-shared "$directory"
mkdir -p /run/zonewright-fleet

ip link add name fleet type bridge
ip link set dev fleet up
for host in "$@"; do
  name=${host%%=*}
  mkdir -p "$directory/$name"
  ip netns add "$name"
  ip link add name "cable-$name" type veth peer name eth0 netns "$name"
  ip link set dev "cable-$name" master fleet up
  ip -n "$name" link set dev lo up
  ip -n "$name" link set dev eth0 up
  # The namespaces live as long as this process, and it as long as the sandbox.
  nsenter --net="/run/netns/$name" -- unshare --mount --uts --propagation unchanged -- sleep infinity </dev/null >/dev/null 2>&1 &
  echo "$!" >"/run/zonewright-fleet/$name.pid"
  until [ "$(readlink "/proc/$!/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] && [ "$(cat "/proc/$!/comm")" = sleep ]; do sleep 0.02; done
  "$here/on-host.sh" / "$name" "$here/furnish-host.sh" "$directory" "$name" "${host#*=}"
done
