/** What an account is made of (control-plane §7.4), and what is accepted from outside. */
import { z } from 'zod';
import { booleanParam, uuidParam } from '../http/params.ts';

const text = z.string().max(256).regex(/^[^\p{Cc}]*$/u, 'must not have control characters');

/** What the owner of an account may change. */
const profile = {
  email: text.regex(/^[^\s@]+@[^\s@]+$/, 'must be an address like name@example.com'),
  companyName: text.optional(),
  firstName: text.optional(),
  lastName: text.optional(),
  address: text.optional(),
  postalCode: text.optional(),
  city: text.optional(),
  state: text.optional(),
  country: text.optional(),
  phone: text.optional(),
  triton_cns_enabled: booleanParam.optional(),
};

/** At least three characters, so that `my` stays what it is in paths, and too short to be taken for a uuid. */
const login = z.string().regex(/^[A-Za-z][A-Za-z0-9_.@-]{2,31}$/, 'must begin with a letter and have 3 to 32 letters, digits and "_.@-"');

export const newAccountSchema = z.strictObject({ uuid: uuidParam.optional(), login, ...profile });

/** Unknown properties are left out: clients send back whole accounts. */
export const accountChangesSchema = z.object({ ...profile, email: profile.email.optional() });

export const keyName = z.string().regex(/^[^\p{Cc}/]{1,128}$/u, 'must be 1 to 128 characters without "/"');

export const newKeySchema = z.object({ name: keyName.optional(), key: z.string() });
