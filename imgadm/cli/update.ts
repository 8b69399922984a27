import { isUuid } from '../../host/config/units.ts';
import { imgadmErrors } from '../errors.ts';
import { failureOf } from '../sources/failures.ts';
import { findInSources, withSources } from '../sources/all.ts';
import { listImages } from '../store/installed.ts';
import { updateRecord, type ManifestChange } from '../store/update.ts';
import type { Answer, Request } from './command.ts';

/** `imgadm update [-n] [UUID...]`: what the sources say of installed images by now. */
export async function update({ node, options, args, requestId, signal, say, warn }: Request): Promise<Answer> {
  const bad = args.find((uuid) => !isUuid(uuid));
  if (bad !== undefined) throw imgadmErrors.InvalidUUID({ uuid: bad });
  const installed = (await listImages(node, warn)).map(({ manifest }) => manifest.uuid);
  const unknown = args.filter((uuid) => !installed.includes(uuid));
  if (unknown.length > 0) throw imgadmErrors.Usage({ problem: `no installed image with the given UUID(s): ${unknown.join(', ')}` });
  const failures: unknown[] = [];
  await withSources(node, { requestId, signal }, async (apis) => {
    for (const uuid of args.length > 0 ? args : installed) {
      try {
        const found = await findInSources(apis, uuid, { active: false, signal });
        if (!found) warn(`warning: Could not find image ${uuid} in image sources (skipping)`);
        else tell(await updateRecord(node, found, !options['dry-run']), uuid, found.api.source.url, say);
      } catch (error) {
        if (signal.aborted) throw error;
        failures.push(error);
      }
    }
  });
  return { kind: 'lines', lines: [], failure: failureOf(failures) };
}

function tell(change: ManifestChange, uuid: string, url: string, say: (line: string) => void): void {
  if (change.what === 'added') say(`Added manifest info for image ${uuid} from "${url}"`);
  if (change.what === 'updated') say(`Updated ${change.fields.length} manifest field${change.fields.length === 1 ? '' : 's'} for image ${uuid} from "${url}": ${change.fields.join(', ')}`);
}
