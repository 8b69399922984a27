import { ZonewrightError } from '../../host/errors/errors.ts';
import { imgadmErrors } from '../errors.ts';
import { openImgapi } from './imgapi.ts';
import type { ImageSource } from './source.ts';

/** See whether a source answers as an image server. @throws SourcePing */
export async function pingSource(source: ImageSource, options: { readonly requestId?: string | undefined; readonly signal?: AbortSignal | undefined }): Promise<void> {
  const api = await openImgapi(source, { requestId: options.requestId });
  try {
    await api.ping(options.signal);
  } catch (error) {
    if (!(error instanceof ZonewrightError)) throw error;
    const reason = error.message.startsWith(`${source.url}: `) ? error.message.slice(source.url.length + 2) : error.message;
    throw imgadmErrors.SourcePing({ type: source.type, url: source.url, reason }, { cause: error });
  } finally {
    await api.close();
  }
}
