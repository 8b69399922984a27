/** A node for payload tests: a few images, two pools, some networks; and identifiers that can be foretold. */
import type { ImageFacts, LiveFacts, NewIds, PayloadFacts } from '../../vmadm/payload/index.ts';

const uuid = (digit: string): string => `${digit.repeat(8)}-${digit.repeat(4)}-4${digit.repeat(3)}-8${digit.repeat(3)}-${digit.repeat(12)}`;

export const IMAGES = {
  IMG: uuid('1'),
  ZVOL: uuid('2'),
  UEFI: uuid('3'),
  BIOS: uuid('4'),
  NEUTRAL: uuid('5'),
  LX: uuid('6'),
  DOCKER: uuid('7'),
  TEN_GIB: uuid('8'),
} as const;

const MANIFESTS: Readonly<Record<string, ImageFacts>> = {
  [IMAGES.IMG]: { type: 'zone-dataset' },
  [IMAGES.ZVOL]: { type: 'zvol', image_size: 5120 },
  [IMAGES.UEFI]: { type: 'zvol', image_size: 5120, requirements: { bootrom: 'uefi' } },
  [IMAGES.BIOS]: { type: 'zvol', image_size: 5120, requirements: { bootrom: 'bios' } },
  [IMAGES.NEUTRAL]: { type: 'zvol', image_size: 5120, requirements: {} },
  [IMAGES.LX]: { type: 'lx-dataset' },
  [IMAGES.DOCKER]: { type: 'docker' },
  [IMAGES.TEN_GIB]: { type: 'zvol', image_size: 10240 },
};

export const FACTS: PayloadFacts = {
  findImage: (image) => MANIFESTS[image],
  poolExists: (name) => name === 'zones' || name === 'tank',
  nicTagExists: (tag) => ['admin', 'external', 'internal'].includes(tag),
};

export const LIVE: LiveFacts = {
  state: 'stopped',
  zone_state: 'installed',
  server_uuid: uuid('a'),
  platform_buildstamp: '20260101T000000Z',
  pool_mountpoint: '/zones',
};

export const RUNNING: LiveFacts = { ...LIVE, state: 'running', zone_state: 'running', pid: 4711, boot_timestamp: '2026-01-01T00:00:00.000Z' };

/** New uuids and MAC addresses, counted from 1. */
export function countingIds(): NewIds {
  let count = 0;
  return {
    uuid: () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`,
    mac: () => `02:00:00:00:00:${String(++count).padStart(2, '0')}`,
    now: () => new Date('2026-01-01T00:00:00.000Z'),
  };
}
