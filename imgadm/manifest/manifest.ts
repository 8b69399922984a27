/** Image manifests (reference §2): what they hold. `validate.ts` decides which are good. */

export const IMAGE_TYPES = ['zone-dataset', 'lx-dataset', 'zvol', 'docker', 'lxd', 'other'] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];

export const IMAGE_OSES = ['smartos', 'linux', 'windows', 'bsd', 'illumos', 'other'] as const;
export type ImageOs = (typeof IMAGE_OSES)[number];

export interface ManifestFile {
  readonly sha1?: string;
  readonly sha256?: string;
  readonly size?: number;
  readonly compression?: string;
  readonly dataset_guid?: string;
}

/** A manifest as it is kept with an installed image. Fields that nothing here reads pass through as they are. */
export interface ImageManifest {
  readonly v: number;
  readonly uuid: string;
  readonly name: string;
  readonly version: string;
  readonly type: ImageType;
  readonly os: ImageOs;
  readonly origin?: string;
  readonly published_at?: string;
  readonly files?: readonly ManifestFile[];
  readonly tags?: Readonly<Record<string, unknown>>;
  readonly requirements?: Readonly<Record<string, unknown>>;
  readonly image_size?: number;
  readonly [field: string]: unknown;
}

/** `UUID (NAME@VERSION)`, as messages name an image. */
export function describeImage(manifest: Pick<ImageManifest, 'uuid' | 'name' | 'version'>): string {
  return `${manifest.uuid} (${manifest.name}@${manifest.version})`;
}
