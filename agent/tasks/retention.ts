/** How much is kept of tasks that are over. */
import type { TaskRecord } from './record.ts';

const MOST_FINISHED = 1000;
const MOST_BYTES = 64 * 1024 * 1024;
const DAYS = 7;
const DAY = 24 * 60 * 60 * 1000;

const sizes = new WeakMap<TaskRecord, number>();

/** Remove the oldest tasks that are over, as far as they are too many, too large together, or older than a week. */
export async function keepWithinBounds(records: readonly TaskRecord[], remove: (id: string) => Promise<void>, now = Date.now()): Promise<void> {
  const over = records.filter(({ status }) => status !== 'active').reverse();
  let bytes = 0;
  const surplus = over.filter((record, index) => {
    bytes += sizeOf(record);
    return index >= MOST_FINISHED || bytes > MOST_BYTES || now - Date.parse(record.finishedAt ?? record.acceptedAt) > DAYS * DAY;
  });
  for (const { id } of surplus) await remove(id);
}

/** Only the output of commands is long. */
function sizeOf(record: TaskRecord): number {
  let size = sizes.get(record);
  if (size === undefined) {
    const texts = Object.values(record.result ?? {}).filter((value) => typeof value === 'string');
    sizes.set(record, (size = 4096 + texts.reduce((sum, text) => sum + text.length, 0)));
  }
  return size;
}
