import { platformErrors } from './errors.ts';

declare const brand: unique symbol;
/** Version of a platform image: when it was built, `20261121T154200Z`. Stamps sort by age. */
export type Stamp = string & { readonly [brand]: 'Stamp' };

export function isStamp(text: unknown): text is Stamp {
  return typeof text === 'string' && /^\d{8}T\d{6}Z$/.test(text);
}

/** A stamp that a user gave. @throws StampInvalid */
export function stampOf(text: string): Stamp {
  if (!isStamp(text)) throw platformErrors.StampInvalid({ stamp: JSON.stringify(text) });
  return text;
}
