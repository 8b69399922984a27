/** Accounts and their keys, in the database. */
import { randomUUID } from 'node:crypto';
import { isUuid } from '../../host/config/units.ts';
import type { Database } from '../db/database.ts';
import { headErrors } from '../errors.ts';
import type { Account, AccountKey, Accounts } from '../services.ts';
import { accountChangesSchema, keyName, newAccountSchema, newKeySchema } from './account-schema.ts';
import { parsePublicKey } from './ssh-key.ts';

interface AccountRow {
  readonly uuid: string;
  readonly login: string;
  readonly document: { readonly email: string };
  readonly created_at: Date;
  readonly updated_at: Date;
}

const ACCOUNT = 'uuid, login, document, created_at, updated_at';

interface KeyRow {
  readonly name: string;
  readonly fingerprint: string;
  readonly sha256: string;
  readonly openssh: string;
  readonly created_at: Date;
}

const KEY = 'name, fingerprint, sha256, openssh, created_at';

/** Open the accounts of a database that has been migrated. */
export function openAccounts({ db }: { readonly db: Database }): Accounts {
  return {
    async get(idOrLogin) {
      const rows = await db.query<AccountRow>(`SELECT ${ACCOUNT} FROM accounts WHERE ${isUuid(idOrLogin) ? 'uuid = $1' : 'lower(login) = lower($1)'}`, [idOrLogin]);
      return rows[0] && toAccount(rows[0]);
    },

    async list({ limit = 1000, offset = 0 } = {}) {
      const rows = await db.query<AccountRow>(`SELECT ${ACCOUNT} FROM accounts ORDER BY login LIMIT $1 OFFSET $2`, [limit, offset]);
      return rows.map(toAccount);
    },

    async add(input) {
      const { uuid = randomUUID(), login, ...document } = newAccountSchema.parse(input);
      const rows = await db.query<AccountRow>(`INSERT INTO accounts (uuid, login, document) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING ${ACCOUNT}`, [uuid, login, JSON.stringify(document)]);
      if (!rows[0]) throw headErrors.InUse({ what: `account ${login}` }, { hint: 'Choose another login, or use the account that has it.' });
      return toAccount(rows[0]);
    },

    async update(uuid, changes) {
      const rows = await db.query<AccountRow>(`UPDATE accounts SET document = document || $2::jsonb, updated_at = now() WHERE uuid = $1 RETURNING ${ACCOUNT}`, [uuid, JSON.stringify(accountChangesSchema.parse(changes))]);
      if (!rows[0]) throw headErrors.ResourceNotFound({ what: `account ${uuid}` });
      return toAccount(rows[0]);
    },

    async keys(accountUuid) {
      const rows = await db.query<KeyRow>(`SELECT ${KEY} FROM account_keys WHERE account_uuid = $1 ORDER BY created_at, name`, [accountUuid]);
      return rows.map(toKey);
    },

    async key(accountUuid, fingerprintOrName) {
      return await findKey(db, accountUuid, fingerprintOrName);
    },

    async addKey(accountUuid, input) {
      const { name, key } = newKeySchema.parse(input);
      const parsed = parsePublicKey(key);
      const called = name ?? nameFrom(parsed.comment) ?? parsed.fingerprint;
      const rows = await db.query<KeyRow>(
        `INSERT INTO account_keys (account_uuid, name, fingerprint, sha256, openssh) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING ${KEY}`,
        [accountUuid, called, parsed.fingerprint, parsed.sha256, parsed.openssh],
      );
      if (!rows[0]) throw headErrors.InUse({ what: `key ${called} (${parsed.fingerprint})` }, { hint: 'The account has this key, or another one of this name.' });
      return toKey(rows[0]);
    },

    async removeKey(accountUuid, fingerprintOrName) {
      const key = await findKey(db, accountUuid, fingerprintOrName);
      if (!key) return false;
      await db.query('DELETE FROM account_keys WHERE account_uuid = $1 AND fingerprint = $2', [accountUuid, key.fingerprint]);
      return true;
    },
  };
}

/** A fingerprint goes before a name, so that no name can stand for another key. */
async function findKey(db: Database, accountUuid: string, fingerprintOrName: string): Promise<AccountKey | undefined> {
  const rows = await db.query<KeyRow>(
    `SELECT ${KEY} FROM account_keys WHERE account_uuid = $1 AND (fingerprint = $2 OR sha256 = $3 OR name = $3) ORDER BY (fingerprint = $2 OR sha256 = $3) DESC LIMIT 1`,
    [accountUuid, fingerprintOrName.replace(/^MD5:/i, '').toLowerCase(), fingerprintOrName],
  );
  return rows[0] && toKey(rows[0]);
}

function nameFrom(comment: string): string | undefined {
  return keyName.safeParse(comment).success ? comment : undefined;
}

function toAccount({ uuid, login, document, created_at, updated_at }: AccountRow): Account {
  return { uuid, login, ...document, created: created_at.toISOString(), updated: updated_at.toISOString() };
}

function toKey({ created_at, ...key }: KeyRow): AccountKey {
  return { ...key, created: created_at.toISOString() };
}
