import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import type { Node } from '../../../host/config/node-config.ts';
import type { VmRecord } from '../../../vmadm/payload/index.ts';
import { publishRecord, recordsInUse, removeRecord, stageRecord } from '../../../vmadm/store/records.ts';

const ROUNDS = 100;

test('what an operation is about to take is taken at every moment, also while its record becomes an instance', async () => {
  const instances = await mkdtemp(`${tmpdir()}/zonewright-records-`);
  const node = { paths: { instances } } as Node;
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [uuid, operation] = [randomUUID(), randomUUID()];
      await stageRecord(node, { uuid, create_timestamp: '' } as VmRecord, operation);
      let isPublished = false;
      const publishing = publishRecord(node, uuid, operation).then(() => (isPublished = true));
      while (!isPublished) assert.equal((await recordsInUse(node)).some((record) => record.uuid === uuid), true, `round ${round}`);
      await publishing;
      await removeRecord(node, uuid);
    }
  } finally {
    await rm(instances, { recursive: true });
  }
});
