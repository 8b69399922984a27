/**
 * `npm run simulate -- [--nodes N] [--seconds S] [--postgres]`: one head node and many simulated agents on this machine, over
 * mutual TLS on loopback. The agents' protocol and task code is the real one; only their nodes are in memory. It says how
 * fast nodes join, what heartbeats and tasks take, what the head process uses, and how soon dead nodes are noticed.
 */
import { parseArgs } from 'node:util';
import { openFleet } from './simulate/fleet.ts';
import { measure } from './simulate/measure.ts';

const USAGE = `Usage: npm run simulate -- [options]

    --nodes N      how many agents (default 500)
    --seconds S    how long heartbeats are watched (default 30)
    --postgres     the head keeps its state in a private PostgreSQL server instead of PGlite
`;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { nodes: { type: 'string', default: '500' }, seconds: { type: 'string', default: '30' }, postgres: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } } });
  const [nodes, seconds] = [Number(values.nodes), Number(values.seconds)];
  if (values.help || !Number.isInteger(nodes) || nodes < 1 || nodes > 10_000 || !(seconds > 0)) {
    process.stderr.write(USAGE);
    return values.help ? 0 : 2;
  }
  const fleet = await openFleet({ postgres: values.postgres });
  try {
    await measure(fleet, { nodes, seconds, say: (line) => void process.stdout.write(`${line}\n`) });
    return 0;
  } finally {
    await fleet.close();
  }
}

process.exitCode = await main(process.argv.slice(2));
