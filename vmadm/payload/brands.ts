/** The brands of instances (reference §2.1). */
export const OS_BRANDS = ['joyent', 'joyent-minimal', 'builder', 'lx'] as const;
export const HVM_BRANDS = ['kvm', 'bhyve'] as const;
export const BRANDS = [...OS_BRANDS, ...HVM_BRANDS] as const;

export type Brand = (typeof BRANDS)[number];
export type HvmBrand = (typeof HVM_BRANDS)[number];

/** Types of image that the root of an instance of each brand is cloned from. */
export const ROOT_IMAGE_TYPES: Readonly<Record<Brand, readonly string[]>> = {
  joyent: ['zone-dataset'],
  'joyent-minimal': ['zone-dataset'],
  builder: ['zone-dataset'],
  lx: ['lx-dataset', 'docker'],
  kvm: ['zone-dataset'],
  bhyve: ['zone-dataset'],
};

/** Models of disk that each brand of machine knows. */
export const DISK_MODELS: Readonly<Record<HvmBrand, readonly string[]>> = {
  kvm: ['virtio', 'scsi', 'ide'],
  bhyve: ['virtio', 'ahci', 'nvme'],
};

export const NIC_MODELS: readonly string[] = ['virtio', 'e1000', 'rtl8139'];

const TYPES: Readonly<Record<Brand, string>> = { joyent: 'OS', 'joyent-minimal': 'OS', builder: 'OS', lx: 'LX', kvm: 'KVM', bhyve: 'BHYVE' };

/** Whether anything is the name of a brand. */
export function isBrand(value: unknown): value is Brand {
  return (BRANDS as readonly unknown[]).includes(value);
}

/** Whether instances of a brand are machines. */
export function isHvm(brand: Brand): brand is HvmBrand {
  return (HVM_BRANDS as readonly string[]).includes(brand);
}

/** What `get` shows as `type`. */
export function typeOfBrand(brand: Brand): string {
  return TYPES[brand];
}
