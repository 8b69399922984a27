#!/usr/bin/env bash
# npm run quickstart: from a fresh clone to a running zone. Everything that could stop it is checked before anything is
# changed; then what is missing is installed and scripts/quickstart.ts does the rest with the project's own Node.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
NEEDED_GIB=8
admin_address=10.77.0.1/24
setup_options=()
machine=
config=${ZONEWRIGHT_NODE:-/etc/zonewright/node.json}

refuse() { # what is wrong, what to do
  printf 'quickstart: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  %s\n' "$2" >&2
  exit 1
}

usage() {
  cat <<USAGE
Usage: npm run quickstart [-- options]

Makes this host a node and creates a first zone on it. Safe to repeat. Other options than these are handed to
\`zonewright setup\`, like --disk DEVICE or --link.

  --admin-address IP/PREFIX   the host's address on the network of its zones (default: $admin_address)
  --machine                   also a machine (QEMU), and what its console shows
USAGE
}

while [ $# -gt 0 ]; do
  case "$1" in
    --machine) machine=--machine ;;
    --admin-address)
      [ $# -ge 2 ] || refuse '--admin-address needs a value, like 10.78.0.1/24'
      admin_address=$2
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    *) setup_options+=("$1") ;;
  esac
  shift
done
[[ $admin_address =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}/(8|9|1[0-9]|2[0-8])$ ]] || refuse "'$admin_address' is not an address with a prefix length from 8 to 28, like 10.78.0.1/24"

number() { # an IPv4 address as a number
  local IFS=. bytes
  read -r -a bytes <<<"$1"
  echo $(((bytes[0] << 24) + (bytes[1] << 16) + (bytes[2] << 8) + bytes[3]))
}

check_pool() {
  [ ! -e "$config" ] || return 0 # this is a node: setup knows its pool
  command -v zpool >/dev/null && zpool list -H -o name zones >/dev/null 2>&1 || return 0
  local owner ours=
  owner=$(zfs get -H -o value zonewright:node zones)
  ours=$(cat "${config%/*}/server-uuid" 2>/dev/null) || true
  [ -n "$ours" ] && [ "$owner" = "$ours" ] ||
    refuse 'this host has a pool named zones that is not ours' 'Prepare the node by hand, with a name for its own pool: scripts/bootstrap.sh && bin/zonewright setup --pool NAME'
}

check_space() {
  [ ! -e "$config" ] && [[ " ${setup_options[*]-} " != *" --disk "* ]] || return 0
  local directory=/var/lib free
  free=$(($(df -Pk "$directory" | awk 'NR == 2 { print $4 }') / 1024 / 1024))
  [ "$free" -ge "$NEEDED_GIB" ] || refuse "$directory has $free GiB free; a first node needs $NEEDED_GIB GiB" 'Make room, or prepare the node by hand on disks of its own: bin/zonewright setup --disk DEVICE'
}

check_network() {
  command -v ip >/dev/null || return 0
  local mine=${admin_address%/*} mine_bits=${admin_address#*/} interface address bits shared
  while read -r _ interface _ address _; do
    [ "$interface" != zwadmin ] && [ "$interface" != lo ] || continue
    bits=${address#*/} address=${address%/*}
    shared=$((bits < mine_bits ? bits : mine_bits))
    if (($(number "$mine") >> (32 - shared) == $(number "$address") >> (32 - shared))); then
      refuse "the network $admin_address overlaps $address/$bits on interface $interface" 'Choose another one: npm run quickstart -- --admin-address 10.78.0.1/24'
    fi
  done < <(ip -4 -o address show)
}

trap 'exit 130' INT
"$root/scripts/bootstrap.sh" --check
check_pool
check_space
check_network
"$root/scripts/bootstrap.sh" ${machine:+--machines}
exec "$root/scripts/with-node.sh" "$root/scripts/quickstart.ts" "$admin_address" "$machine" "${setup_options[@]}"
