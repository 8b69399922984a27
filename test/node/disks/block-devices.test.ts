import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disksOf, type BlockDevice } from '../../../node/disks/block-devices.ts';

function device(path: string, more: Partial<BlockDevice> = {}): BlockDevice {
  return { path, type: 'disk', size: 64 * 1024 ** 3, model: null, serial: null, tran: 'sata', rota: false, ro: false, rm: false, mountpoints: [null], probe: {}, ...more };
}

function only(one: BlockDevice) {
  const [disk] = disksOf([one]);
  assert.ok(disk);
  return disk;
}

/** What a disk holds, in the words of blkid and in ours. */
const CONTENTS: ReadonlyArray<readonly [what: Partial<BlockDevice>, content: string | undefined]> = [
  [{}, undefined],
  [{ probe: { TYPE: 'ext4' } }, 'ext4'],
  [{ probe: { TYPE: 'ext4', LABEL: 'data' } }, 'ext4 "data"'],
  [{ probe: { PTTYPE: 'gpt' } }, 'an empty partition table'],
  [{ probe: { TYPE: 'zfs_member', LABEL: 'zones' } }, 'pool "zones"'],
  [{ probe: { PTTYPE: 'gpt' }, children: [device('/dev/sda1', { type: 'part', probe: { TYPE: 'zfs_member', LABEL: 'zones' } }), device('/dev/sda9', { type: 'part' })] }, 'pool "zones"'],
  [{ probe: { PTTYPE: 'dos' }, children: [device('/dev/sda1', { type: 'part', probe: { TYPE: 'ntfs', LABEL: 'Windows' } }), device('/dev/sda2', { type: 'part' })] }, '2 partitions: ntfs "Windows", unknown'],
  [{ probe: { TYPE: 'ext4', LABEL: 'a\u001b[2Jb' } }, 'ext4 "a?[2Jb"'],
];

for (const [what, content] of CONTENTS) test(`a disk is said to hold ${content ?? 'nothing'}`, () => assert.equal(only(device('/dev/sda', what)).content, content));

/** Why a disk cannot be taken. */
const OBSTACLES: ReadonlyArray<readonly [what: Partial<BlockDevice>, obstacle: RegExp]> = [
  [{ mountpoints: ['/data'] }, /mounted at \/data/],
  [{ mountpoints: ['[SWAP]'] }, /swap/],
  [{ children: [device('/dev/sda1', { type: 'part', mountpoints: ['/boot'] })] }, /mounted at \/boot/],
  [{ ro: true }, /read-only/],
  [{ children: [device('/dev/sda1', { type: 'part', children: [device('/dev/mapper/vg-root', { type: 'lvm' })] })] }, /used by \/dev\/mapper\/vg-root/],
  [{ children: [device('/dev/md0', { type: 'raid1' })] }, /used by \/dev\/md0/],
  [{ probe: { TYPE: 'iso9660', LABEL: 'ZONEWRIGHT_20261121T154200Z' } }, /medium to install from/],
  [{ children: [device('/dev/sda1', { type: 'part', probe: { TYPE: 'vfat', LABEL: 'ANSWERS' } })] }, /medium to install from/],
];

for (const [what, obstacle] of OBSTACLES) test(`a disk cannot be taken: ${obstacle.source}`, () => assert.match(only(device('/dev/sda', what)).obstacle ?? '', obstacle));

test('a disk that holds somebody else’s data can be taken, but says what it holds', () => {
  const disk = only(device('/dev/sda', { probe: { TYPE: 'zfs_member', LABEL: 'zonewright' } }));
  assert.deepEqual([disk.content, disk.obstacle], ['pool "zonewright"', undefined]);
});

test('memory, volumes of pools, drives without a medium and CDs are no disks', () => {
  const others = [device('/dev/zram0'), device('/dev/ram0'), device('/dev/zd16'), device('/dev/nbd0'), device('/dev/fd0'), device('/dev/mmcblk0boot0'), device('/dev/sr0', { type: 'rom' }), device('/dev/sdb', { size: 0 })];
  assert.deepEqual(disksOf(others), []);
});

test('what a disk calls itself becomes text of one line', () => {
  const disk = only(device('/dev/vda', { tran: null, model: 'Evil\u001b]0;x\u0007\nDisk   ', serial: ' 12 ' }));
  assert.deepEqual([disk.model, disk.serial, disk.transport], ['Evil?]0;x??Disk', '12', 'virtio']);
});
