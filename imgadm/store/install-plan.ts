import { newOperationId } from '../../host/journal/perform.ts';
import type { Plan, Step } from '../../host/journal/plan.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import type { ContentKind } from '../unpack/content.ts';
import type { ArchiveLimits } from '../unpack/vet-archive.ts';
import { imageLock } from './names.ts';

export interface PlannedInstall {
  readonly manifest: ImageManifest;
  readonly content: ContentKind;
  /** Bytes that the image may take. */
  readonly quota: number;
  /** Of an archive. */
  readonly limits: ArchiveLimits;
  /** The URL of the source that it comes from; none for a file. */
  readonly source?: string | undefined;
}

/** The plan that makes an image out of its file. Nothing has the image's name before the last step but one. */
export function installPlan({ manifest, content, quota, limits, source }: PlannedInstall): Plan {
  const { uuid } = manifest;
  const record = { uuid, manifest: JSON.stringify(manifest), ...(source === undefined ? {} : { source }) };
  return {
    operation: newOperationId(),
    verb: 'image install',
    target: uuid,
    afterCrash: 'undo',
    lock: imageLock(uuid),
    steps: [...fillingSteps(manifest, content, quota, limits), { kind: 'image.adopt', args: { uuid } }, { kind: 'image.record', args: record }],
  };
}

function fillingSteps({ uuid, origin, image_size: size }: ImageManifest, content: ContentKind, quota: number, limits: ArchiveLimits): Step[] {
  const snapshot = { kind: 'image.snapshot', args: { uuid } };
  const createVolume = { kind: 'image.createVolume', args: { uuid, size, quota } };
  switch (content.kind) {
    case 'zfs':
      return [{ kind: 'image.receive', args: { uuid, quota, volume: content.header.content === 'volume', ...(size === undefined ? {} : { size }), ...(origin === undefined ? {} : { origin }) } }];
    case 'tar':
      return [{ kind: 'image.create', args: { uuid, quota } }, { kind: 'image.unpack', args: { uuid, ...limits } }, snapshot];
    case 'raw':
      return [createVolume, { kind: 'image.writeDisk', args: { uuid, size } }, snapshot];
    case 'qcow2':
      return [
        { kind: 'image.stage', args: { uuid, quota } },
        createVolume,
        { kind: 'image.convert', args: { uuid, size } },
        { kind: 'image.unstage', args: { uuid } },
        snapshot,
      ];
    case 'foreign':
      throw new Error('no plan for a foreign disk');
  }
}
