import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryAfterUpdate, memoryOfNew } from '../../../vmadm/payload/memory.ts';

test('a zone without a word about memory has 256 MiB of everything', () => {
  assert.deepEqual(memoryOfNew('joyent', {}), { max_physical_memory: 256, max_locked_memory: 256, max_swap: 256, max_shm_memory: 256, tmpfs: 256 });
});

test('ram of a zone is its physical memory', () => {
  assert.equal(memoryOfNew('lx', { ram: 1024 }).max_physical_memory, 1024);
});

test('swap is never below 256 MiB nor below physical memory', () => {
  assert.equal(memoryOfNew('joyent', { ram: 128 }).max_swap, 256);
  assert.equal(memoryOfNew('joyent', { ram: 1024, max_swap: 512 }).max_swap, 1024);
});

test('locked memory and tmpfs of a zone end at its physical memory, and no tmpfs stays none', () => {
  const { max_locked_memory, tmpfs } = memoryOfNew('joyent', { ram: 512, max_locked_memory: 600, tmpfs: 1024 });
  assert.deepEqual([max_locked_memory, tmpfs], [512, 512]);
  assert.equal(memoryOfNew('joyent', { ram: 512, tmpfs: 0 }).tmpfs, 0);
});

test("a machine has room for its hypervisor beyond the guest's memory", () => {
  assert.equal(memoryOfNew('kvm', { ram: 1024 }).max_physical_memory, 2048);
  assert.equal(memoryOfNew('bhyve', { ram: 1024 }).max_physical_memory, 2304);
  assert.equal(memoryOfNew('bhyve', { ram: 1024, max_physical_memory: 1100 }).max_physical_memory, 1280);
  assert.equal(memoryOfNew('kvm', { ram: 1024, max_locked_memory: 10 }).max_locked_memory, 1280);
});

test('an update of physical memory keeps the distance of swap and locked memory and the proportion of tmpfs', () => {
  const now = { max_physical_memory: 1024, max_locked_memory: 512, max_swap: 1536, max_shm_memory: 1024, tmpfs: 256 };
  const { max_locked_memory, max_swap, tmpfs } = memoryAfterUpdate('joyent', now, { max_physical_memory: 2048 });
  assert.deepEqual([max_locked_memory, max_swap, tmpfs], [1536, 2560, 512]);
});

test('an update of ram shifts the limits of a machine', () => {
  const now = memoryOfNew('kvm', { ram: 256 });
  const { max_physical_memory, max_locked_memory } = memoryAfterUpdate('kvm', now, { ram: 512 });
  assert.deepEqual([max_physical_memory, max_locked_memory], [1536, 1536]);
});
