#!/bin/sh
# Make a fresh Debian root ($1) the root of a zone. Only files are changed; nothing of it is run.
set -eu
root=$1
units=$root/etc/systemd/system

# Each zone gets identities of its own when it boots for the first time.
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id"
: >"$root/etc/machine-id"
cat >"$units/ssh-host-keys.service" <<'UNIT'
[Unit]
Description=Make the host keys of ssh
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target
UNIT
mkdir -p "$units/multi-user.target.wants" "$units/getty.target.wants"
ln -sf /etc/systemd/system/ssh-host-keys.service "$units/multi-user.target.wants/ssh-host-keys.service"
ln -sf /lib/systemd/system/console-getty.service "$units/getty.target.wants/console-getty.service"
ln -sfn /lib/systemd/system/multi-user.target "$units/default.target"

# What belongs to a machine's hardware and kernel, and can only fail in a zone.
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-networkd-wait-online.service systemd-modules-load.service \
  systemd-remount-fs.service systemd-journald-audit.socket sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
  sys-fs-fuse-connections.mount dev-hugepages.mount proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-pstore.service getty@tty1.service; do
  ln -sf /dev/null "$units/$unit"
done

# Plain files, which are written from outside.
rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
: >"$root/etc/resolv.conf"
echo zone >"$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
: >"$root/etc/fstab"
echo LANG=C.UTF-8 >"$root/etc/default/locale"

# File capabilities do not survive a change of owner; ping works without where it is setuid.
setcap -r "$root/usr/bin/ping" 2>/dev/null || true
chmod u+s "$root/usr/bin/ping"

# The same directory without its access control lists, which an archive of an image cannot carry.
journal=$root/var/log/journal
rm -rf "$journal" && mkdir "$journal"
chgrp "$(sed -n 's/^systemd-journal:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/group")" "$journal"
chmod 2755 "$journal"

rm -rf "$root"/var/cache/debconf/*-old "$root"/var/log/*.log "$root"/var/log/apt/* "$root"/var/lib/apt/lists/*
rm -rf "$root"/tmp/* "$root"/var/tmp/*
