import { askHead } from '../ask-head.ts';
import { DATA_OPTION, type HeadCommand } from './command.ts';
import { directoryOf } from './directory.ts';

interface Listed {
  readonly uuid: string;
  readonly hostname: string;
  readonly status: string;
  readonly setup: boolean;
  readonly current_platform?: string;
  readonly last_heartbeat: string | null;
  readonly vms: Readonly<Record<string, unknown>>;
}

export const statusCommand: HeadCommand = {
  name: 'status',
  summary: 'Say how the head node is, and its servers',
  options: { ...DATA_OPTION, json: { type: 'boolean', short: 'j', summary: 'as JSON' } },
  examples: [['zonewright head status', 'exit status 1 when no head process answers']],
  async run(invocation) {
    const directory = await directoryOf(invocation);
    const ping = await askHead<{ services: { database: string }; pid: number }>(directory, { method: 'GET', path: '/ping' });
    const servers = await askHead<Listed[]>(directory, { method: 'GET', path: '/servers?extras=vms,last_heartbeat' });
    if (invocation.values['json']) process.stdout.write(`${JSON.stringify({ directory, database: ping.services.database, pid: ping.pid, servers }, null, 2)}\n`);
    else process.stdout.write(`${table(directory, ping.services.database, servers)}\n`);
    return 0;
  },
};

function table(directory: string, database: string, servers: readonly Listed[]): string {
  const rows = servers.map(({ uuid, hostname, status, setup, vms, last_heartbeat }) => [uuid, hostname, setup ? status : `${status}, not set up`, String(Object.keys(vms).length), last_heartbeat ?? '-']);
  const all = [['UUID', 'HOSTNAME', 'STATUS', 'VMS', 'LAST HEARTBEAT'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
  return [`The head node in ${directory} is up; its database is ${database}.`, '', ...lines].join('\n');
}
