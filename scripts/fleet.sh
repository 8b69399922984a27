#!/usr/bin/env bash
# npm run fleet: a head node and its nodes on this machine, in namespaces of their own or, with --booted, as machines that
# boot; what that needs is installed first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/bootstrap.sh" --machines
case " $* " in
  *' --help '* | *' -h '*) ;;
  *' --booted '*)
    platforms=$(mktemp -d "${TMPDIR:-/tmp}/zonewright-fleet-XXXXXX")
    trap 'rm -rf "$platforms"' EXIT
    "$here/with-node.sh" "$here/fleet/booted/prepare.ts" "$platforms"
    ZONEWRIGHT_FLEET_PLATFORMS=$platforms/platforms.json
    ZONEWRIGHT_FLEET_LOGS=${ZONEWRIGHT_FLEET_LOGS:-$here/../.cache/fleet/$(date -u +%Y%m%dT%H%M%SZ)}
    export ZONEWRIGHT_FLEET_PLATFORMS ZONEWRIGHT_FLEET_LOGS
    ;;
esac
"$here/../test/sandbox/enter.sh" "$here/with-node.sh" "$here/fleet/main.ts" "$@"
