#!/bin/sh
# Make a fresh Debian root ($1) the root of a machine.
set -eu
root=$1
units=$root/etc/systemd/system

printf 'LABEL=root / ext4 defaults,errors=remount-ro 0 1\nLABEL=BOOT /boot/efi vfat umask=0077,nofail 0 2\n' >"$root/etc/fstab"
mkdir -p "$root/boot/efi"

# The boot partition holds copies of the newest kernel and its initramfs, under names that do not change.
for hook in kernel/postinst.d kernel/postrm.d initramfs/post-update.d; do
  mkdir -p "$root/etc/$hook"
  cat >"$root/etc/$hook/zz-boot-partition" <<'HOOK'
#!/bin/sh
set -eu
mountpoint -q /boot/efi || exit 0
newest=$(linux-version list | linux-version sort | tail -n 1)
for name in vmlinuz initrd.img; do
  [ -e "/boot/$name-$newest" ] || exit 0
  cp "/boot/$name-$newest" "/boot/efi/$name.new"
done
sync -f /boot/efi
for name in vmlinuz initrd.img; do mv "/boot/efi/$name.new" "/boot/efi/$name"; done
sync -f /boot/efi
HOOK
  chmod 755 "$root/etc/$hook/zz-boot-partition"
done

# Metadata comes over the second serial port, or from a disk that is labelled for it; nothing else is looked for.
cat >"$root/etc/cloud/cloud.cfg.d/90-datasources.cfg" <<'CONFIG'
datasource_list: [ SmartOS, NoCloud ]
CONFIG

# Each machine gets identities of its own when it boots for the first time, with metadata or without.
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id"
: >"$root/etc/machine-id"
cat >"$units/ssh-host-keys.service" <<'UNIT'
[Unit]
Description=Make the host keys of ssh
After=cloud-init.service
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl --quiet enable ssh-host-keys.service systemd-networkd.service systemd-resolved.service
chroot "$root" systemctl --quiet set-default multi-user.target
# A machine without a nic, or with one that never gets an address, boots all the same.
mkdir -p "$units/systemd-networkd-wait-online.service.d"
cat >"$units/systemd-networkd-wait-online.service.d/patience.conf" <<'UNIT'
[Service]
ExecStart=
ExecStart=-/lib/systemd/systemd-networkd-wait-online --any --timeout=10
UNIT
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
echo debian-vm >"$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
echo LANG=C.UTF-8 >"$root/etc/default/locale"

rm -rf "$root"/var/cache/debconf/*-old "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/log/*.log "$root"/var/log/apt/* "$root"/var/lib/apt/lists/*
rm -rf "$root"/tmp/* "$root"/var/tmp/*
