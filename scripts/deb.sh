#!/usr/bin/env bash
# npm run deb: install what building the package needs, then build it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/bootstrap.sh" --machines
exec "$here/with-node.sh" "$here/../packaging/build.ts" "$@"
