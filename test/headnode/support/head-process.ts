/** A head in a process of its own: `head-process.ts <data directory>`, on the directory's PostgreSQL; it tells its parent where it listens. */
import { startTestHead } from './head.ts';

const [directory = ''] = process.argv.slice(2);
const { url, adminUrl } = await startTestHead({ directory, database: 'postgres' });
process.send?.({ url, adminUrl });
