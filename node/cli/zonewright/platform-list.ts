import type { PlatformRow, PlatformStatus } from '../../platform/list.ts';
import { openPlatformHost } from '../../platform/platform-host.ts';
import type { Command } from '../program.ts';

export const listPlatformsCommand: Command = {
  name: 'list',
  summary: 'Platform images of this node: where they are, which one runs (NOW), which one is booted next (NEXT), how its trial went',
  options: {
    'no-header': { type: 'boolean', short: 'H', summary: 'without headings' },
    json: { type: 'boolean', short: 'j', summary: 'as JSON' },
  },
  async run({ values }) {
    const [host, { platformStatus }] = await Promise.all([openPlatformHost(), import('../../platform/list.ts')]);
    const { rows, partitions } = await platformStatus(host);
    if (values['json']) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else process.stdout.write(table(rows, { headings: values['no-header'] !== true, disks: partitions.length }));
    return 0;
  },
};

export const statusCommand: Command = {
  name: 'status',
  summary: 'What runs, what is booted next, how the last trial went, and what each disk would boot',
  options: { json: { type: 'boolean', short: 'j', summary: 'as JSON' } },
  async run({ values }) {
    const [host, { platformStatus }] = await Promise.all([openPlatformHost(), import('../../platform/list.ts')]);
    const status = await platformStatus(host);
    const facts = { running: host.boot.stamp, from: host.boot.fromDisk ? 'disk' : 'elsewhere', trialSeconds: host.boot.trialSeconds, ...status };
    process.stdout.write(values['json'] ? `${JSON.stringify(facts, null, 2)}\n` : story(facts));
    return 0;
  },
};

const COLUMNS = [18, 8, 7, 5, 6];

function table(rows: readonly PlatformRow[], { headings, disks }: { readonly headings: boolean; readonly disks: number }): string {
  const lines = rows.map(({ stamp, installed, disks: on, now, next, trial }) => [stamp, yes(installed), disks === 0 ? '-' : `${on}/${disks}`, yes(now), yes(next), trial]);
  return [...(headings ? [['STAMP', 'IN POOL', 'DISKS', 'NOW', 'NEXT', 'TRIAL']] : []), ...lines].map((cells) => `${cells.map((cell, index) => cell.padEnd(COLUMNS[index] ?? 0)).join(' ').trimEnd()}\n`).join('');
}

function yes(truth: boolean): string {
  return truth ? 'yes' : 'no';
}

interface Facts extends PlatformStatus {
  readonly running: string | undefined;
  readonly from: string;
  readonly trialSeconds: number | undefined;
}

function story({ running, from, trialSeconds, rows, partitions, trial }: Facts): string {
  const next = rows.find((row) => row.next)?.stamp;
  const lines = [
    running === undefined ? 'this host does not run from memory' : `running    ${running}, booted from ${from === 'disk' ? "one of the pool's disks" : 'the network, a CD or a USB stick'}${trialSeconds === undefined ? '' : ', on trial'}`,
    partitions.length === 0 ? 'next boot  not from the disks of the pool: it has no boot partitions' : `next boot  ${next ?? 'nothing: no platform image is on the disks'}`,
    ...(trial ? [`trial      ${trial.stamp} ${trial.state}, ${trial.date}${trial.reason === undefined ? '' : `: ${trial.reason}`}`] : []),
    ...partitions.map(({ volume, stamps, saved, next: once, free }) => `${volume.padEnd(10)} ${saved ?? 'boots nothing'}${once === undefined ? '' : `, once ${once}`}; holds ${stamps.join(', ') || 'no image'}; ${Math.floor(free / 1e6)} MB free`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
