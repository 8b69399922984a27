#!/bin/bash
# The dataset is busy until the zone's monitor has ended.
set -u
dataset=$1 directory=$2 name=$3
lxc-stop -k -P "$directory" -n "$name"
tries=0
until zfs destroy "$dataset" 2>/dev/null; do
  tries=$((tries + 1))
  [ "$tries" -lt 500 ] || exit 1
  sleep 0.01
done
exec rm -r "${directory:?}/$name"
