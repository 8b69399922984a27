#!/usr/bin/env bash
# Run a command on a host of the fleet, as at its shell: on-host.sh <working directory> <name> <command> [argument...]
set -euo pipefail
directory=$1 name=$2
shift 2
exec nsenter --wdns="$directory" --target "$(cat "/run/zonewright-fleet/$name.pid")" --net --mount --uts -- "$@"
