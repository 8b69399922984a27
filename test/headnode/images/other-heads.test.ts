import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Database } from '../../../headnode/db/database.ts';
import { serversMigration } from '../../../headnode/db/migrations/001-servers.ts';
import { openDatabase } from '../../../headnode/db/open-database.ts';
import { otherHeads } from '../../../headnode/images/other-heads.ts';

let db: Database;

before(async () => {
  db = await openDatabase({ kind: 'pglite' }, [serversMigration]);
});
after(() => db.close());

test('files are asked of heads that live, have a URL and are not this one, the last seen first', async () => {
  const heads: ReadonlyArray<readonly [url: string | null, seconds: number]> = [['https://10.0.0.1:1', 1], ['https://10.0.0.2:1', 20], ['https://10.0.0.3:1', 5], ['https://10.0.0.4:1', 600], [null, 1]];
  for (const [url, seconds] of heads) {
    await db.query(`INSERT INTO heads (id, name, url, seen_at) VALUES (gen_random_uuid(), 'test', $1, now() - $2 * interval '1 second')`, [url, seconds]);
  }
  const identity = { certificate: 'CERTIFICATE', key: 'KEY', ca: 'CA', expires: new Date() };
  const shown = { ca: 'CA', cert: 'CERTIFICATE', key: 'KEY', serverUri: 'urn:zonewright:head' };
  const asked = async (own: string | undefined): Promise<unknown> => (await otherHeads({ db, identity, url: () => own })()).map(({ url, identity: told }) => ({ url, identity: told }));
  const [one, two, three] = ['https://10.0.0.1:1', 'https://10.0.0.2:1', 'https://10.0.0.3:1'].map((url) => ({ url, identity: shown }));
  assert.deepEqual(await asked('https://10.0.0.1:1'), [three, two]);
  assert.deepEqual(await asked(undefined), [one, three, two]);
});
