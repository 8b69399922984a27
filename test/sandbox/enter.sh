#!/usr/bin/env bash
# Run a command in a sandbox of its own: private mount, pid, network, ipc and uts namespaces, a ZFS daemon of its own,
# and nothing of the host's to break. When this script ends, in whatever way, the kernel ends everything inside, and what
# namespaces do not hold (cgroups, the scratch directory) is removed here, or by the next run after a kill -9.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
base=${TMPDIR:-/tmp}

groups_of() { # one sandbox's cgroups, deepest first; more arguments are find's
  local name=$1
  shift
  find /sys/fs/cgroup -depth -type d -regex ".*/\(lxc\.\(payload\|monitor\)\.\)?$name\([-_][^/]*\)?\(/.*\)?" "$@" 2>/dev/null || true
}

sweep() { # the scratch directory and cgroups of one sandbox
  local name=$1 tries
  for tries in 1 2 3 4 5; do # a group whose last process has just been killed stays busy for a moment
    groups_of "$name" -exec rmdir {} +
    [ -n "$(groups_of "$name" -print -quit)" ] || break
    sleep "0.$tries"
  done
  rm -rf "${base:?}/$name"
}

for left in "$base"/zwtest-*; do # runs that were killed too hard to clean up
  [ -d "$left" ] || continue
  owner=${left##*-}
  [ -e "/proc/$owner" ] || sweep "${left##*/}"
done

name="zwtest-$$"
scratch="$base/$name"
inner=
leave() {
  [ -z "$inner" ] || kill -KILL "$inner" 2>/dev/null || true
  [ -z "$inner" ] || wait "$inner" 2>/dev/null || true
  sweep "$name"
}
mkdir -m 0711 "$scratch"
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The first process of the namespaces dies with unshare, and unshare with this script; standard input is kept from what
# the shell does to a job in the background.
setpriv --pdeathsig KILL -- unshare --mount --pid --net --ipc --uts --fork --kill-child=KILL --mount-proc --propagation private \
  -- "$here/init.sh" "$scratch" "$name" "$@" <&0 &
inner=$!
status=0
wait "$inner" || status=$?
inner=
exit "$status"
