/** Imported first by every program: what Node has compiled once it need not compile again. */
import { enableCompileCache } from 'node:module';

/**
 * A place that only root can write to. Node's default is below /tmp, where any user of the host could put code that root
 * would run. Where it cannot be written nothing is cached, and nothing fails.
 */
if (process.getuid?.() === 0) enableCompileCache(process.env['NODE_COMPILE_CACHE'] ?? '/var/cache/zonewright/compile');
