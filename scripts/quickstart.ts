/**
 * From a prepared host to a running zone, in steps that are each a command which the user could type. Nothing is
 * remembered between runs: every step looks at the node, so that it can be interrupted and repeated at any moment.
 */
import { join } from 'node:path';
import { loadNode } from '../host/config/node-config.ts';
import { findSeed } from '../images/seed/build.ts';
import { addressIn, parseNetwork, type Network } from '../host/net/ipv4.ts';
import { answerOf, doStep, Failed, Interrupted, sayResult, show, type Timing } from './quickstart/steps.ts';
import { FIRST_MACHINE, FIRST_ZONE, writeMachinePayload, writePayload } from './quickstart/payload.ts';

async function main(adminAddress: string, withMachine: boolean, setupOptions: readonly string[]): Promise<number> {
  const timings: Timing[] = [];
  const step = async (title: string, argv: readonly [string, ...string[]]): Promise<void> => void timings.push(await doStep(timings.length + 1, title, argv));
  try {
    await step('Prepare this host: pool, uid ranges, network', ['bin/zonewright', 'setup', '--admin-address', adminAddress, ...setupOptions]);
    await step('Build the programs that guests read their metadata with', ['scripts/with-node.sh', 'images/guest-tools/build.ts']);
    await step('Build a Debian image from the package mirror', ['scripts/with-node.sh', 'images/seed/build.ts', 'debian']);
    const { archive, manifest, uuid: image } = await builtImage('debian');
    await step('Install the image', ['bin/imgadm', 'install', '-m', manifest, '-f', archive]);
    const network = parseNetwork(adminAddress);
    const address = addressIn(network, 10);
    const zone = await ensureZone(step, { image, address: `${address}/${network.prefix}`, gateway: addressIn(network, network.address - network.first) });
    await step('Wait for the zone to answer', ['ping', '-c', '1', '-w', '20', zone.address]);
    await step('Wait until it has booted', ['bin/zlogin', zone.uuid, BOOTED]);
    const machine = withMachine ? await ensureMachine(step, network) : undefined;
    await present(zone, machine);
    sayResult(timings, zone, machine);
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return 130;
    if (!(error instanceof Failed)) throw error;
    process.stderr.write(`\nquickstart: ${error.message}\n  What is done is kept: run \`npm run quickstart\` again when the cause is gone.\n`);
    return 1;
  }
}

/** Runs in the zone: done as soon as its init has started everything. */
const BOOTED = 'timeout 60 sh -c "until systemctl -q is-active multi-user.target; do sleep 0.2; done" 2>/dev/null';

async function builtImage(name: string): Promise<{ archive: string; manifest: string; uuid: string }> {
  const seed = await findSeed(name);
  const manifest = seed?.manifests[0];
  if (!seed || !manifest) throw new Failed('the image was built but cannot be found');
  return { archive: seed.archive, manifest: manifest.path, uuid: manifest.uuid };
}

interface Zone {
  readonly uuid: string;
  readonly address: string;
}

/** The zone `first-zone`: created when there is none, started when it is stopped. */
async function ensureZone(
  step: (title: string, argv: readonly [string, ...string[]]) => Promise<void>,
  wanted: { readonly image: string; readonly address: string; readonly gateway: string },
): Promise<Zone> {
  const present = await findInstance(FIRST_ZONE);
  if (!present) await step('Create a zone from it', ['bin/vmadm', 'create', '-f', await writePayload(wanted)]);
  else if (present.state !== 'running') await step('Start the zone', ['bin/vmadm', 'start', present.uuid]);
  const zone = present ?? (await findInstance(FIRST_ZONE));
  if (!zone) throw new Failed('the zone was created but vmadm does not list it');
  return { uuid: zone.uuid, address: zone.address ?? wanted.address.replace(/\/.*/, '') };
}

interface FoundZone {
  readonly uuid: string;
  readonly state: string;
  readonly address: string | undefined;
}

async function findInstance(alias: string): Promise<FoundZone | undefined> {
  const found = JSON.parse(await answerOf(['bin/vmadm', 'lookup', '-j', `alias=${alias}`])) as Array<{ uuid: string; state: string; nics?: Array<{ ip?: string }> }>;
  const [zone, ...more] = found;
  if (more.length > 0) throw new Failed(`there are ${found.length} instances with the alias ${alias}; delete all but one: ${found.map(({ uuid }) => uuid).join(' ')}`);
  return zone && { uuid: zone.uuid, state: zone.state, address: zone.nics?.[0]?.ip };
}

/** The machine `first-machine`, from an image that is small enough to be built and booted while one waits. */
async function ensureMachine(step: (title: string, argv: readonly [string, ...string[]]) => Promise<void>, network: Network): Promise<string> {
  await step('Build a small disk image for a machine', ['scripts/with-node.sh', 'images/seed/build.ts', 'tiny-vm']);
  const { archive, manifest, uuid: image } = await builtImage('tiny-vm');
  await step('Install the disk image', ['bin/imgadm', 'install', '-m', manifest, '-f', archive]);
  const present = await findInstance(FIRST_MACHINE);
  const address = `${addressIn(network, 11)}/${network.prefix}`;
  const gateway = addressIn(network, network.address - network.first);
  if (!present) await step('Create a machine from it', ['bin/vmadm', 'create', '-f', await writeMachinePayload({ image, address, gateway })]);
  else if (present.state !== 'running') await step('Start the machine', ['bin/vmadm', 'start', present.uuid]);
  const machine = present ?? (await findInstance(FIRST_MACHINE));
  if (!machine) throw new Failed('the machine was created but vmadm does not list it');
  await step('Wait until its console says that it is up', ['timeout', '120', 'sh', '-c', CONSOLE_UP, 'sh', join((await loadNode()).runDirectory, 'machines', machine.uuid, 'log/console.log')]);
  return machine.uuid;
}

/** Everything the machine printed is in that file; without KVM its boot takes a while. */
const CONSOLE_UP = 'until grep -aq "is up" "$1"; do sleep 0.5; done; grep -a tiny-vm "$1"';

/** The node as it is now, by the commands that show it. */
async function present({ uuid }: Zone, machine: string | undefined): Promise<void> {
  process.stdout.write('\n== The node\n');
  await show(['bin/vmadm', 'list']);
  await show(['bin/imgadm', 'list']);
  if (machine !== undefined) await show(['bin/vmadm', 'info', machine, 'accel']);
  process.stdout.write('\n== Inside the zone\n');
  await show(['bin/zlogin', uuid, 'grep PRETTY_NAME /etc/os-release']);
  await show(['bin/zlogin', uuid, 'ps -e -o pid,user,args']);
}

process.chdir(new URL('..', import.meta.url).pathname);
process.exitCode = await main(process.argv[2] ?? '10.77.0.1/24', process.argv[3] === '--machine', process.argv.slice(4));
