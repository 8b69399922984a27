import { downloadImage, openImageServer, type ImageSource } from '../../imgadm/index.ts';
import { imageErrors } from './errors.ts';
import type { ImageFiles } from './files.ts';
import type { ImageRow } from './rows.ts';

export interface PeerRequest {
  readonly row: ImageRow;
  readonly files: ImageFiles;
  readonly peers: readonly ImageSource[];
}

/** Fetch an image's file from another head node and keep it; it is verified as nodes verify theirs. @throws FileIsMissing when none has it */
export async function fetchFromPeers({ row: { manifest, file }, files, peers }: PeerRequest): Promise<void> {
  for (const peer of peers) {
    const api = await openImageServer(peer);
    try {
      const expected = await api.get(manifest.uuid);
      if (!expected || expected.files?.[0]?.sha256 !== file?.sha256) continue;
      const download = await downloadImage(api, expected, { directory: files.incoming });
      await files.adopt(download.path, async () => undefined);
      await download.keep();
      return;
    } catch {
      // The next one may answer; what this one lacks or said wrong is no news to who asked us.
    } finally {
      await api.close();
    }
  }
  throw imageErrors.FileIsMissing({ uuid: manifest.uuid });
}
