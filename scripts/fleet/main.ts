/**
 * `npm run fleet`: a head node and three nodes on this machine, each in namespaces of its own with a pool and a bridge of
 * its own; a customer's day with npm's `triton`; then trouble, and a look at what it left. `--keep` leaves the fleet
 * running for a person. It runs inside the tests' sandbox, so whatever happens, nothing stays on the machine.
 */
import { parseArgs } from 'node:util';
import { everythingIsThereOnce, nothingIsLeftOver } from './accounts.ts';
import { newChecks, type Checks } from './check.ts';
import { liveBooted } from './booted/run.ts';
import { buildFleet, type Fleet } from './fleet.ts';
import { prompt } from './prompt.ts';
import { ordinaryDay } from './session.ts';
import { agentDiesInATask, headDiesInACreate, networkIsCut } from './trouble.ts';

const USAGE = `Usage: npm run fleet [-- --booted] [--keep] [--nodes <n>]

  --booted     machines that really boot, in QEMU: a head from its CD, two nodes over the network; 20 to 30 minutes
  --keep       after the customer's day, leave the fleet running, with a prompt to look around
  --nodes <n>  how many nodes the head has (default: 3); not with --booted
`;

async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (typeof options === 'string') {
    process.stderr.write(options);
    return options === USAGE ? 0 : 2;
  }
  const sandbox = process.env['ZONEWRIGHT_SANDBOX'];
  if (sandbox === undefined) throw new Error('the fleet needs the sandbox: start it with `npm run fleet`');
  const checks = newChecks((line) => void process.stdout.write(`${line}\n`));
  if (options.booted) {
    await liveBooted(sandbox, options.keep, checks);
    return 0;
  }
  const fleet = await buildFleet(sandbox, options.nodes, checks);
  try {
    await live(fleet, options.keep, checks);
  } finally {
    // What they run ends with the sandbox.
    await Promise.all([fleet.head.kill(), ...fleet.nodes.map((node) => node.kill())]);
  }
  return 0;
}

interface Options {
  readonly booted: boolean;
  readonly keep: boolean;
  readonly nodes: number;
}

/** What the arguments ask for; a text for the user when they are not understood, or ask for help. */
function optionsOf(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({ args: [...args], options: { booted: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false }, nodes: { type: 'string', default: '3' }, help: { type: 'boolean', short: 'h', default: false } } });
    const nodes = Number(values.nodes);
    if (values.help) return USAGE;
    return Number.isInteger(nodes) && nodes >= 2 && nodes <= 8 ? { booted: values.booted, keep: values.keep, nodes } : `fleet: --nodes ${values.nodes} is not a number from 2 to 8\n${USAGE}`;
  } catch (error) {
    if (error instanceof TypeError && 'code' in error) return `fleet: ${error.message}\n${USAGE}`;
    throw error;
  }
}

async function live(fleet: Fleet, keep: boolean, checks: Checks): Promise<void> {
  const instances = await ordinaryDay(fleet, checks);
  if (keep) return prompt(fleet);
  instances.push(await headDiesInACreate(fleet, checks), await agentDiesInATask(fleet, checks), await networkIsCut(fleet, checks));
  await everythingIsThereOnce(fleet, instances, checks);
  await nothingIsLeftOver(fleet, instances, checks);
  process.stdout.write(`\nThe fleet did what it should: ${checks.count} checks, ${instances.length} instances.\n`);
}

process.exitCode = await main(process.argv.slice(2));
