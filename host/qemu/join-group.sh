#!/bin/sh
# join-group.sh <cgroup directory>... -- <program> [argument ...]
# Become a member of the groups, then the program: from its first instruction on whatever it starts is in them, so that
# nothing of it can escape a kill of the group, also when the one who started this dies half-way.
while [ "$1" != -- ]; do
  echo $$ >"$1/cgroup.procs" || exit 125
  shift
done
shift
exec "$@"
