#!/usr/bin/env bash
# npm run platform: install what building a platform image needs, then build one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/bootstrap.sh" --machines
exec "$here/with-node.sh" "$here/../images/platform/build.ts" "$@"
