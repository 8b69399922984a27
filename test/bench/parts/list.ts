/** What it costs to list instances: a process that asks the agent, or looks itself, against a Node that does nothing. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listRecords } from '../../../vmadm/store/records.ts';
import { benchmarkLxd, LXD, openLxd } from '../contenders/lxd.ts';
import { benchNode, OURS, OURS_ALONE, OURS_TREE, ourZones, WITHOUT_AGENT, type BenchNode } from '../contenders/our-node.ts';
import { nextWish } from '../contenders/zone.ts';
import { timed, timedOften, type Command } from '../measure/command.ts';
import type { Comparison } from '../measure/figure.ts';
import { takeTurns } from '../measure/rounds.ts';
import { roundsOf, type Session } from '../measure/session.ts';

const USUAL_ROUNDS = 7;
const COUNTS = [10, 100, 1000];
const LXD_COUNT = 20;
/** Commands of one value: the processor time of one is a few grains of the clock. */
const TIMES = 5;

export const BARE_NODE = 'node -e 0';

export async function measureList(session: Session): Promise<void> {
  const bench = await benchNode(session);
  const lxd = await openLxd(session);
  session.progress(`LXD: ${LXD_COUNT} instances`);
  await benchmarkLxd(lxd, 'init', LXD_COUNT);
  await ourZones(bench, OURS).create(nextWish());
  const commands: Record<string, Command> = {
    [BARE_NODE]: { argv: [process.execPath, '-e', '0'] },
    [OURS]: { argv: bench.vmadm('list'), environment: bench.environment() },
    [OURS_TREE]: { argv: bench.command('vmadm', 'list'), environment: bench.environment() },
    [OURS_ALONE]: { argv: bench.command('vmadm', 'list'), environment: bench.environment(WITHOUT_AGENT) },
    [`${LXD}, ${LXD_COUNT} instances`]: { argv: ['lxc', '--project', lxd.project, 'list'], environment: lxd.environment },
  };
  for (const count of COUNTS) {
    await record(bench, count);
    await requireCount(bench, count);
    const contenders = Object.entries(commands).map(([name, command]) => ({ name, measure: async () => ({ ...(await timedOften(command, TIMES)) }) }));
    const measured = await takeTurns(contenders, { rounds: roundsOf(session, USUAL_ROUNDS) }, session);
    const goal: Partial<Comparison> = count === 1000 ? { atMost: 2.5 } : {};
    const comparisons: Comparison[] = [{ of: OURS, over: BARE_NODE, ...goal }, { of: OURS_TREE, over: BARE_NODE, ...goal }, { of: OURS_ALONE, over: BARE_NODE }];
    const place = { part: 'list', unit: 'ms', at: count, along: 'instances' } as const;
    session.figures.push({ ...place, what: 'list, processor time of the command', series: measured['cpu'] ?? {}, comparisons });
    session.figures.push({ ...place, what: 'list, start to end', series: measured['wall'] ?? {}, comparisons: [...comparisons, { of: `${LXD}, ${LXD_COUNT} instances`, over: OURS }] });
  }
}

/** Instances that only exist on paper: a list shows them like all others. */
async function record({ node }: BenchNode, count: number): Promise<void> {
  const records = await listRecords(node);
  const [pattern] = records;
  if (!pattern) throw new Error('there is no instance to copy');
  for (let index = records.length; index < count; index++) {
    const uuid = randomUUID();
    await writeFile(join(node.paths.instances, `${uuid}.json`), JSON.stringify({ ...pattern, uuid, zonename: uuid, alias: `recorded-${index}`, autoboot: false, nics: [] }), { mode: 0o600 });
  }
}

async function requireCount(bench: BenchNode, count: number): Promise<void> {
  for (const more of [{}, WITHOUT_AGENT]) {
    const { output } = await timed({ argv: bench.command('vmadm', 'list', '-H', '-o', 'uuid'), environment: bench.environment(more) });
    const listed = output.trim().split('\n').length;
    if (listed !== count) throw new Error(`vmadm list shows ${listed} instances instead of ${count}`);
  }
}
