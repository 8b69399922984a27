#!/bin/sh
# start-clients.sh <lxc directory> <interface>[:primary]...
# LXC runs this when a zone has its interfaces and before its first instruction, at every boot. The clients run in the zone,
# as its root, and so can do nothing that the zone could not do itself; they end with it. LXC lets nobody in before the zone
# runs, so they wait for that in the background.
PATH=/usr/sbin:/usr/bin:/sbin:/bin # LXC's own is shorter
directory=$1
shift
for nic; do
  case $nic in
    *:primary) primary=yes ;;
    *) primary= ;;
  esac
  interface=${nic%%:*}
  # shellcheck disable=SC2016 # these are for the shell in the zone, where its host name is known
  setsid lxc-attach -P "$directory" -n "$LXC_NAME" --clear-env -v "primary=$primary" -- \
    /native/usr/dhcp/busybox sh -c 'exec "$0" udhcpc -b -S -i "$1" -s /native/usr/dhcp/lease -x "hostname:$("$0" hostname)"' \
    /native/usr/dhcp/busybox "$interface" </dev/null >/dev/null 2>&1 &
done
