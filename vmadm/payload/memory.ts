/** How the memory properties of an instance follow from each other (reference §2.3). All values in MiB. */
import { isHvm, type Brand } from './brands.ts';

export interface MemoryPayload {
  readonly ram?: number | undefined;
  readonly max_physical_memory?: number | undefined;
  readonly max_locked_memory?: number | undefined;
  readonly max_swap?: number | undefined;
  readonly max_shm_memory?: number | undefined;
  readonly tmpfs?: number | undefined;
}

export interface Memory {
  /** Machines only. */
  readonly ram?: number;
  readonly max_physical_memory: number;
  readonly max_locked_memory: number;
  readonly max_swap: number;
  readonly max_shm_memory: number;
  /** Zones only. */
  readonly tmpfs?: number;
}

const DEFAULT_RAM = 256;
const MINIMUM_SWAP = 256;
/** What a machine's hypervisor takes beyond the guest's memory: by default, and at least. */
const OVERHEAD = { kvm: 1024, bhyve: 1280 } as const;
const LEAST_OVERHEAD = 256;

/** The memory properties of a new instance, from those that its payload names. */
export function memoryOfNew(brand: Brand, given: MemoryPayload): Memory {
  return isHvm(brand) ? machineMemory(given, OVERHEAD[brand]) : zoneMemory(given);
}

/** The memory properties of an instance after an update that names some of them. */
export function memoryAfterUpdate(brand: Brand, now: Memory, given: MemoryPayload): Memory {
  return isHvm(brand) ? machineAfterUpdate(now, given) : zoneAfterUpdate(now, given);
}

function zoneMemory(given: MemoryPayload): Memory {
  const physical = given.max_physical_memory ?? given.ram ?? DEFAULT_RAM;
  return {
    max_physical_memory: physical,
    max_locked_memory: Math.min(given.max_locked_memory ?? physical, physical),
    max_swap: Math.max(given.max_swap ?? physical, physical, MINIMUM_SWAP),
    max_shm_memory: given.max_shm_memory ?? physical,
    tmpfs: Math.min(given.tmpfs ?? physical, physical),
  };
}

function machineMemory(given: MemoryPayload, overhead: number): Memory {
  const ram = given.ram ?? DEFAULT_RAM;
  const floor = ram + LEAST_OVERHEAD;
  const physical = Math.max(given.max_physical_memory ?? ram + overhead, floor);
  return {
    ram,
    max_physical_memory: physical,
    max_locked_memory: clamp(given.max_locked_memory ?? physical, floor, physical),
    max_swap: Math.max(given.max_swap ?? physical, physical, MINIMUM_SWAP),
    max_shm_memory: given.max_shm_memory ?? physical,
  };
}

/** Swap and locked memory keep their distance from physical memory, tmpfs its proportion to it. */
function zoneAfterUpdate(now: Memory, given: MemoryPayload): Memory {
  const physical = given.max_physical_memory ?? given.ram ?? now.max_physical_memory;
  const shift = physical - now.max_physical_memory;
  const { tmpfs = 0 } = now;
  const ratio = now.max_physical_memory === 0 ? 1 : tmpfs / now.max_physical_memory;
  return {
    max_physical_memory: physical,
    max_locked_memory: clamp(given.max_locked_memory ?? now.max_locked_memory + shift, 0, physical),
    max_swap: Math.max(given.max_swap ?? physical + swapBeyond(now), physical, MINIMUM_SWAP),
    max_shm_memory: given.max_shm_memory ?? Math.max(0, now.max_shm_memory + shift),
    tmpfs: Math.min(given.tmpfs ?? Math.floor(ratio * physical), physical),
  };
}

function machineAfterUpdate(now: Memory, given: MemoryPayload): Memory {
  const ram = given.ram ?? now.ram ?? DEFAULT_RAM;
  const floor = ram + LEAST_OVERHEAD;
  const grown = ram - (now.ram ?? DEFAULT_RAM);
  const physical = Math.max(given.max_physical_memory ?? now.max_physical_memory + grown, floor);
  const shift = physical - now.max_physical_memory;
  return {
    ram,
    max_physical_memory: physical,
    max_locked_memory: clamp(given.max_locked_memory ?? now.max_locked_memory + shift, floor, physical),
    max_swap: Math.max(given.max_swap ?? physical + swapBeyond(now), physical, MINIMUM_SWAP),
    max_shm_memory: given.max_shm_memory ?? Math.max(0, now.max_shm_memory + shift),
  };
}

/** Swap that was asked for beyond physical memory. What only the minimum of swap added was not asked for. */
function swapBeyond(now: Memory): number {
  return now.max_swap === MINIMUM_SWAP ? 0 : now.max_swap - now.max_physical_memory;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
