/**
 * Addresses of the node by DHCP: one busybox client for each interface, looked after by systemd where it runs. What a lease
 * means is in a script that the client calls; values of the server that are not numbers are not used.
 */
import { open } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError } from '../../host/errors/errors.ts';
import { makePrivateDirectory, readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { namesIn } from '../../host/files/names-in.ts';
import { hostAddresses } from '../../host/net/bridge.ts';
import type { Networking } from '../../host/net/networking.ts';
import { launch } from '../../host/run/launch.ts';
import { run } from '../../host/run/run.ts';
import { systemdRuns } from '../setup/systemd.ts';
import { networkDirectory } from './applied.ts';
import type { WantedInterface } from './topology.ts';

export interface LeaseOptions {
  readonly runDirectory: string;
  readonly leaseSeconds: number;
  readonly document: Networking;
}

const BUSYBOX = '/bin/busybox';

/** End the clients of interfaces that are to have none any more, or another one. What they were leased is gone with them. */
export async function endOtherLeases(interfaces: readonly WantedInterface[], { runDirectory, document }: Omit<LeaseOptions, 'leaseSeconds'>): Promise<void> {
  const directory = directoryOf(runDirectory);
  const clients = interfaces.flatMap((one) => (one.dhcp ? [clientFor(directory, one, document)] : []));
  for (const name of await clientsIn(directory)) {
    const client = clients.find((one) => one.name === name);
    if (!client || !(await isClientRunning(directory, client))) await endClient(directory, name);
  }
}

/** Let interfaces have their clients, and wait for first addresses. @returns what did not come about */
export async function keepLeases(interfaces: readonly WantedInterface[], { runDirectory, leaseSeconds, document }: LeaseOptions): Promise<string[]> {
  const wanted = interfaces.filter(({ dhcp }) => dhcp);
  if (wanted.length === 0) return [];
  const directory = directoryOf(runDirectory);
  await makePrivateDirectory(directory);
  await writeFileAtomically(join(directory, 'lease'), LEASE_SCRIPT, { durable: false, mode: 0o700 });
  for (const one of wanted) {
    const client = clientFor(directory, one, document);
    if (!(await isClientRunning(directory, client))) await startClient(directory, client);
  }
  const without = await stillWithout(wanted, leaseSeconds);
  return without.map(({ name, tag }) => `no DHCP server has given ${name} (nic tag ${tag}) an address yet; it goes on asking`);
}

/** How the client of an interface is started. */
interface Client {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
}

function clientFor(directory: string, { name, primary }: WantedInterface, { resolvers, hostname }: Networking): Client {
  return {
    name,
    argv: [BUSYBOX, 'udhcpc', '-f', '-S', '-t', '4', '-A', '5', '-i', name, '-s', join(directory, 'lease'), ...(hostname === undefined ? [] : ['-x', `hostname:${hostname}`])],
    environment: { ZONEWRIGHT_DHCP: directory, ZONEWRIGHT_PRIMARY: primary ? 'yes' : '', ZONEWRIGHT_RESOLVERS: resolvers.length > 0 ? 'own' : '' },
  };
}

async function isClientRunning(directory: string, client: Client): Promise<boolean> {
  return (await readFileIfPresent(filesOf(directory, client.name).asked)) === JSON.stringify(client) && (await isRunning(directory, client.name));
}

async function startClient(directory: string, client: Client): Promise<void> {
  const { name, argv, environment } = client;
  if (systemdRuns()) {
    const variables = Object.entries(environment).map(([key, value]) => `--setenv=${key}=${value}`);
    await run(['systemd-run', '--quiet', '--collect', `--unit=${unitOf(name)}`, '--property=Restart=always', '--property=RestartSec=2', ...variables, '--', ...argv]);
  } else await launchClient(directory, client);
  await writeFileAtomically(filesOf(directory, name).asked, JSON.stringify(client), { durable: false });
}

async function launchClient(directory: string, { name, argv, environment }: Client): Promise<void> {
  const log = await open('/dev/null', 'w');
  try {
    const client = await launch(argv, { log: log.fd, environment });
    client.letGo();
    await writeFileAtomically(filesOf(directory, name).pid, String(client.pid), { durable: false });
  } finally {
    await log.close();
  }
}

async function endClient(directory: string, name: string): Promise<void> {
  const files = filesOf(directory, name);
  if (systemdRuns()) await run(['systemctl', 'stop', unitOf(name)], { acceptExitCodes: [0, 5] });
  else if (await isRunning(directory, name)) process.kill(Number(await readFileIfPresent(files.pid)), 'SIGKILL');
  // It had no time to say that its lease is over.
  if (existsSync(join(directory, 'lease'))) await run([join(directory, 'lease'), 'deconfig'], { environment: { interface: name, ZONEWRIGHT_DHCP: directory }, acceptExitCodes: [0, 1, 2] });
  await run(['rm', '-f', '--', ...Object.values(files)]);
}

async function isRunning(directory: string, name: string): Promise<boolean> {
  if (systemdRuns()) return (await run(['systemctl', '--quiet', 'is-active', unitOf(name)], { acceptExitCodes: [0, 1, 2, 3, 4] })).exitCode === 0;
  const pid = await readFileIfPresent(filesOf(directory, name).pid);
  // The number may have become another program's.
  const command = pid === undefined ? undefined : await readFileIfPresent(`/proc/${pid}/cmdline`).catch(ifGone);
  return command?.split('\0').includes(name) ?? false;
}

function ifGone(error: unknown): undefined {
  if (!isSystemError(error, 'ESRCH')) throw error;
  return undefined;
}

async function stillWithout(wanted: readonly WantedInterface[], seconds: number): Promise<readonly WantedInterface[]> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const present = await hostAddresses();
    const without = wanted.filter(({ name, addresses }) => !present.some((one) => one.interface === name && one.address.includes('.') && !addresses.includes(`${one.address}/${one.prefix}`)));
    if (without.length === 0 || performance.now() >= deadline) return without;
    await sleep(LOOK_MILLISECONDS);
  }
}

const LOOK_MILLISECONDS = 100;

async function clientsIn(directory: string): Promise<string[]> {
  return (await namesIn(directory)).flatMap((name) => (name.endsWith('.asked') ? name.slice(0, -'.asked'.length) : []));
}

function filesOf(directory: string, name: string): { readonly asked: string; readonly pid: string; readonly address: string } {
  return { asked: join(directory, `${name}.asked`), pid: join(directory, `${name}.pid`), address: join(directory, `${name}.address`) };
}

function directoryOf(runDirectory: string): string {
  return join(networkDirectory(runDirectory), 'dhcp');
}

function unitOf(name: string): string {
  return `zonewright-dhcp-${name}.service`;
}

/** The client checks that its variables are addresses and numbers; a domain is text, and left out. */
const LEASE_SCRIPT = `#!${BUSYBOX} sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
kept=$ZONEWRIGHT_DHCP/$interface.address
before=$(${BUSYBOX} cat "$kept" 2>/dev/null)
case $1 in
  deconfig)
    ip link set dev "$interface" up
    [ -z "$before" ] || ip address delete "$before" dev "$interface"
    ${BUSYBOX} rm -f "$kept"
    ;;
  bound | renew)
    now=$ip/\${mask:-24}
    [ -z "$before" ] || [ "$before" = "$now" ] || ip address delete "$before" dev "$interface"
    echo "$now" >"$kept"
    [ -z "$ZONEWRIGHT_RESOLVERS" ] && [ -n "$dns" ] && {
      if [ -S /run/systemd/resolve/io.systemd.Resolve ]; then resolvectl dns "$interface" $dns
      else for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
      fi
    }
    ip address replace "$now" broadcast + dev "$interface"
    [ -z "$ZONEWRIGHT_PRIMARY" ] || [ -z "$router" ] || ip route replace default via "\${router%% *}" dev "$interface"
    ;;
esac
`;
