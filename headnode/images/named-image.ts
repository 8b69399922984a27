import { isUuid } from '../../host/config/units.ts';
import { imageErrors } from './errors.ts';

/** The image that a path names. What is no uuid names none. @throws ResourceNotFound */
export function uuidOf({ uuid }: { readonly uuid: string }): string {
  if (!isUuid(uuid)) throw imageErrors.ResourceNotFound({ uuid: plain(uuid) });
  return uuid;
}

/** A caller's text in an error: one line and not long. */
export function plain(text: string): string {
  return text.replace(/\p{C}/gu, ' ').slice(0, 64);
}
