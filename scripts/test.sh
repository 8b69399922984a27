#!/usr/bin/env bash
# npm test [-- pattern]: what the tests need is installed first, then the project's own Node runs them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/bootstrap.sh" --machines --postgres
exec "$here/with-node.sh" "$here/run-tests.ts" "$@"
