import type { Node } from '../../host/config/node-config.ts';
import { hasVolumes } from '../../host/zfs/volume.ts';
import { imgadmErrors } from '../errors.ts';
import type { ImageManifest } from '../manifest/manifest.ts';
import type { ContentKind } from '../unpack/content.ts';
import type { ZfsStreamHeader } from '../unpack/zfs-stream.ts';

/** Refuse a file that does not hold what its manifest says, or what this node cannot keep. @throws ImageFileInvalid, NotSupported */
export function requireFitting(node: Node, manifest: ImageManifest, content: ContentKind): void {
  if (content.kind === 'zfs') return requireFittingStream(node, manifest, content.header);
  const disk = manifest.type === 'zvol';
  switch (content.kind) {
    case 'tar':
      if (disk) throw invalid('it is a tar archive, and an image of type "zvol" needs a disk: raw, qcow2 or a ZFS stream');
      break;
    case 'foreign':
      throw invalid(`it is a ${content.format} disk, and only raw and qcow2 are known; \`qemu-img convert -O qcow2\` makes one of it`);
    case 'qcow2':
      if (!disk) throw invalid(`it is a qcow2 disk, and an image of type "${manifest.type}" needs a root file system`);
      break;
    case 'raw':
      if (!disk) throw invalid('it is neither a ZFS stream nor a tar archive, plain or compressed with gzip, bzip2, xz or zstd');
      if (content.size === 0) throw invalid('it is empty');
  }
  if (manifest.origin !== undefined) throw invalid(`it is a ${content.kind === 'tar' ? 'tar archive' : 'disk'}, and an image with an origin needs a ZFS stream`);
}

function requireFittingStream(node: Node, manifest: ImageManifest, header: ZfsStreamHeader): void {
  // Such a stream could set a mountpoint, and older implementations mount what they receive.
  if (header.compound) throw invalid('the ZFS stream carries properties or several snapshots; one without is needed (no -R, no -p)');
  const kind = manifest.type === 'zvol' ? 'volume' : 'filesystem';
  if (header.content !== kind) throw invalid(`it is the ZFS stream of a ${header.content}, and an image of type "${manifest.type}" is a ${kind}`);
  if (kind === 'volume' && !hasVolumes(node)) throw imgadmErrors.NotSupported({ what: `installing the ZFS stream of a volume on ${node.zfs.implementation}, which has no volumes,` });
  if (header.incremental && manifest.origin === undefined) throw invalid('the ZFS stream is incremental and the manifest names no origin');
  if (!header.incremental && manifest.origin !== undefined) throw invalid('the manifest names an origin and the ZFS stream is not incremental');
}

function invalid(reason: string): Error {
  return imgadmErrors.ImageFileInvalid({ reason });
}
