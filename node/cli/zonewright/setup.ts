import { LAYOUTS, type Layout } from '../../disks/propose.ts';
import { nodeErrors } from '../../errors.ts';
import type { SetupRequest } from '../../setup/options.ts';
import type { SetupLine } from '../../setup/setup.ts';
import type { Command, Invocation } from '../program.ts';

export const setupCommand: Command = {
  name: 'setup',
  summary: 'Make this host a node, or bring the node back after a reboot',
  options: {
    pool: { type: 'string', value: 'NAME', summary: 'the pool to use or make (default: zones)' },
    disk: { type: 'string', multiple: true, value: 'DEVICE', summary: 'make the pool on this disk; repeat for more' },
    layout: { type: 'string', value: 'LAYOUT', summary: 'how the pool lies on its disks: single, mirror, raidz1 or raidz2 (default: single)' },
    file: { type: 'string', value: 'PATH', summary: 'make the pool in this sparse file' },
    size: { type: 'string', value: 'GIB', summary: "size of the pool's file (default: 60 % of free space, at most 64)" },
    bootable: { type: 'boolean', summary: 'with --disk: give each disk boot partitions, so that the node boots from its own disks' },
    adopt: { type: 'boolean', summary: 'use a pool that is not this node’s' },
    'admin-address': { type: 'string', value: 'IP/PREFIX', summary: "the host's address on the admin network (default: 10.77.0.1/24)" },
    'admin-interface': { type: 'string', value: 'NAME', summary: 'the interface that the admin network is on (default: none, the network is this host’s alone)' },
    link: { type: 'boolean', summary: 'put the commands into /usr/local/sbin' },
    'no-units': { type: 'boolean', summary: 'leave systemd alone; run setup again after a reboot' },
    mountpoint: { type: 'string', value: 'PATH', summary: 'where the pool is mounted (default: /NAME)' },
    'run-directory': { type: 'string', value: 'PATH', summary: 'runtime files (default: /run/zonewright)' },
    cgroup: { type: 'string', value: 'NAME', summary: "the cgroup of all zones (default: zonewright)" },
    'dry-run': { type: 'boolean', short: 'n', summary: 'say what would be done and change nothing' },
  },
  examples: [
    ['zonewright setup', 'a pool in a sparse file, for a first try'],
    ['zonewright setup --disk /dev/sdb', 'a pool on a disk of its own'],
    ['zonewright setup --disk /dev/sdb --admin-interface eth1 --admin-address 10.1.0.7/24', 'a node of a fleet'],
    ['zonewright setup --pool tank --adopt', 'beside what is in an existing pool'],
  ],
  async run(invocation) {
    const { planSetup, setUp } = await import('../../setup/setup.ts');
    const request = requestOf(invocation);
    if (invocation.values['dry-run']) for (const line of await planSetup(request)) print(line);
    else await setUp(request, print);
    return 0;
  },
};

function print({ state, step, fact }: SetupLine): void {
  process.stdout.write(`${state.padEnd(6)}${step.padEnd(12)}${fact}\n`);
}

function requestOf({ values }: Invocation): SetupRequest {
  const text = (name: string): string | undefined => values[name] as string | undefined;
  const request = {
    pool: text('pool'),
    disks: values['disk'] as string[] | undefined,
    layout: layoutNamed(text('layout')),
    file: pathOf('--file', text('file')),
    size: gibibytes(text('size')),
    adminAddress: text('admin-address'),
    adminInterface: text('admin-interface'),
    mountpoint: pathOf('--mountpoint', text('mountpoint')),
    runDirectory: pathOf('--run-directory', text('run-directory')),
    cgroup: cgroupName(text('cgroup')),
    bootable: values['bootable'] === true,
    adopt: values['adopt'] === true,
    link: values['link'] === true,
    units: values['no-units'] !== true,
  };
  if (request.bootable && !request.disks) throw nodeErrors.UsageError({ reason: 'setup: --bootable is for a pool that is made on disks (--disk)' });
  if (request.disks && request.file !== undefined) throw nodeErrors.UsageError({ reason: 'setup: a pool is made on disks or in a file, not both' });
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}

function pathOf(option: string, path: string | undefined): string | undefined {
  if (path === undefined || (/^\/[A-Za-z0-9/_.+@-]*[A-Za-z0-9_]$/.test(path) && !path.split('/').includes('..'))) return path;
  throw nodeErrors.UsageError({ reason: `setup: ${option} ${JSON.stringify(path)} is not an absolute path of letters, digits and "/_.+@-"` });
}

function layoutNamed(name: string | undefined): Layout | undefined {
  const layout = LAYOUTS.find((one) => one === name);
  if (name === undefined || layout !== undefined) return layout;
  throw nodeErrors.UsageError({ reason: `setup: --layout ${JSON.stringify(name)} is none of ${LAYOUTS.join(', ')}` });
}

function gibibytes(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw nodeErrors.UsageError({ reason: `setup: --size ${JSON.stringify(text)} is not a number of GiB` });
  return Number(text);
}

function cgroupName(name: string | undefined): string | undefined {
  if (name === undefined || /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) return name;
  throw nodeErrors.UsageError({ reason: `setup: --cgroup ${JSON.stringify(name)} is not a name of letters, digits, "_" and "-"` });
}
