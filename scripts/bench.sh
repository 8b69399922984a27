#!/usr/bin/env bash
# npm run bench: measured against what people would pick instead, which is installed first. Everything runs in a sandbox
# and ends with it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/bootstrap.sh" --machines --postgres --peers
"$here/with-node.sh" "$here/../images/seed/build.ts" minimal debian tiny-vm >/dev/null
ZONEWRIGHT_BENCH_EXECUTABLE=$("$here/with-node.sh" "$here/../test/bench/executable.ts" | tail -n 1)
export ZONEWRIGHT_BENCH_EXECUTABLE
for part in "$@"; do # the sandbox has no network to build one in
  [ "$part" = platform ] || continue
  images=$here/../.cache/bench/images
  "$here/platform.sh" --out "$images" >&2
  newest=$(find "$images" -maxdepth 1 -name 'platform-*' -type d | sort | tail -n 1)
  export ZONEWRIGHT_BENCH_PLATFORM=$newest
done
exec "$here/../test/sandbox/enter.sh" "$here/with-node.sh" "$here/../test/bench/main.ts" "$@"
