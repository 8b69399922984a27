/** Print the one executable that users get; made when it is not in the cache. */
import { join } from 'node:path';
import { executable } from '../../images/platform/executable.ts';

const part = await executable({ cache: '/var/cache/zonewright/platform', say: (line) => void process.stderr.write(`${line}\n`) });
process.stdout.write(`${join(part.directory, 'zonewright')}\n`);
