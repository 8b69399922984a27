import type { Allocation } from '../services.ts';
import { askHead } from '../ask-head.ts';
import { DATA_OPTION, textOf, type HeadCommand } from './command.ts';
import { directoryOf } from './directory.ts';

export const placeCommand: HeadCommand = {
  name: 'place',
  summary: 'Show on which server a VM would be placed, and why; nothing is reserved',
  options: {
    ...DATA_OPTION,
    ram: { type: 'string', value: 'MiB', summary: 'its memory' },
    quota: { type: 'string', value: 'GiB', summary: 'its quota' },
    'cpu-cap': { type: 'string', value: 'PERCENT', summary: 'its cpu_cap' },
    brand: { type: 'string', value: 'BRAND', summary: 'lx, joyent, kvm, bhyve …' },
    owner: { type: 'string', value: 'UUID', summary: 'its owner, whose VMs are spread' },
    'nic-tag': { type: 'string', value: 'TAG', multiple: true, summary: 'a nic tag that it needs' },
    server: { type: 'string', value: 'UUID', multiple: true, summary: 'only this server' },
    json: { type: 'boolean', short: 'j', summary: 'as JSON' },
  },
  examples: [['zonewright head place --ram 1024 --quota 10 --nic-tag external', 'each rule with the servers that remained, and why the others did not']],
  async run(invocation) {
    const values = invocation.values;
    const vm = { ram: textOf(invocation, 'ram'), quota: textOf(invocation, 'quota'), cpu_cap: textOf(invocation, 'cpu-cap'), brand: textOf(invocation, 'brand'), owner_uuid: textOf(invocation, 'owner') };
    const { server, steps } = await askHead<Allocation>(await directoryOf(invocation), { method: 'POST', path: '/explain', body: { vm, nic_tags: values['nic-tag'] ?? [], servers: values['server'] } });
    if (values['json']) process.stdout.write(`${JSON.stringify({ server: server?.uuid, steps }, null, 2)}\n`);
    else process.stdout.write(`${shown(steps)}\n\n${server ? `${server.uuid} (${server.hostname})` : 'No server can take it.'}\n`);
    return server ? 0 : 1;
  },
};

function shown(steps: Allocation['steps']): string {
  return steps.map(({ step, remaining, reasons = {} }) => [`${step}: ${remaining.length}`, ...Object.entries(reasons).map(([uuid, reason]) => `    ${uuid}  ${String(reason)}`)].join('\n')).join('\n');
}
