/** Values as requests bring them: in a query everything is text, and lists may be text with commas (control-plane §9.4). */
import { z } from 'zod';
import { isUuid } from '../../host/config/units.ts';
import { canonicalAddress, parseAddress, parseSubnet } from './addresses.ts';

export const uuid = z.string({ error: 'must be a uuid' }).transform((text) => text.toLowerCase()).refine(isUuid, { error: 'must be a uuid' });

/** Who something belongs to: an account, or what a node's own tools called it. */
export const owner = z.string({ error: 'must be a uuid' }).regex(/^[A-Za-z0-9._-]{1,64}$/, { error: 'must be a uuid' });

export const flag = z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean({ error: 'must be true or false' }));

export function integer(low: number, high: number) {
  const error = `must be a whole number from ${low} to ${high}`;
  return z.preprocess((value) => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value), z.int({ error }).min(low, { error }).max(high, { error }));
}

/** Names that go into commands and files on nodes. */
export const tagName = z.string({ error: 'must be a name' }).regex(/^[A-Za-z0-9_]{1,31}$/, { error: 'must be at most 31 letters, digits and "_"' });

export const networkName = z.string({ error: 'must be a name' }).regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, {
  error: 'must be at most 64 letters, digits, blanks and "._-", beginning with a letter or digit',
});

export const description = z.string({ error: 'must be text' }).max(1000, { error: 'must have at most 1000 characters' });

export const address = z
  .string({ error: 'must be an IP address' })
  .refine((text) => parseAddress(text) !== undefined, { error: 'must be an IP address' })
  .transform((text) => canonicalAddress(text) ?? text);

export const subnet = z.string({ error: 'must be a subnet' }).refine((text) => parseSubnet(text) !== undefined, { error: 'must be a subnet like 10.0.0.0/24 or fd00::/64' });

/** A list, one element, or text with commas. */
export function list<Element extends z.ZodType>(element: Element, most = 64) {
  return z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').filter((part) => part !== '') : value),
    z.array(element, { error: 'must be a list' }).max(most, { error: `must have at most ${most} elements` }),
  );
}

/** A MAC address in its one spelling; colons and dashes may be left out. */
export const mac = z
  .string({ error: 'must be a MAC address' })
  .transform((text) => text.toLowerCase().replace(/[:-]/g, ''))
  .refine((digits) => /^[0-9a-f]{12}$/.test(digits) && digits !== '000000000000' && digits !== 'ffffffffffff', { error: 'must be a MAC address' })
  .transform((digits) => digits.replace(/..(?=.)/g, '$&:'));

/** Where a page of a list begins and how long it is. */
export const paging = { limit: integer(1, 1000).default(1000), offset: integer(0, 999_999_999).default(0) };
