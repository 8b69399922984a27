#!/usr/bin/env bash
# npm run fleet: a head node and its nodes on this machine, in namespaces of their own; what that needs is installed first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/bootstrap.sh" --machines
exec "$here/../test/sandbox/enter.sh" "$here/with-node.sh" "$here/fleet/main.ts" "$@"
