import type { WireObject } from '../services.ts';
import { askHead } from '../ask-head.ts';
import { textOf } from './command.ts';
import { nounCommand, shownList, type VerbInvocation } from './verbs.ts';

const COLUMNS = { UUID: 'uuid', NAME: 'name', VERSION: 'version', ACTIVE: 'active', 'RAM (MiB)': 'max_physical_memory', 'DISK (MiB)': 'quota', 'CPU (%)': 'cpu_cap', VCPUS: 'vcpus' };
const NEW = ['ram', 'disk', 'swap', 'cpu', 'vcpus', 'lwps', 'version', 'group', 'brand', 'description', 'owners', 'networks'];

export const packageCommand = nounCommand({
  name: 'package',
  summary: 'Sizes that instances come in',
  options: {
    ram: { type: 'string', value: 'MIB', summary: 'memory (needed)' },
    disk: { type: 'string', value: 'MIB', summary: 'disk space, whole GiB: 10240 (needed)' },
    swap: { type: 'string', value: 'MIB', summary: 'memory and swap together (default: the memory)' },
    cpu: { type: 'string', value: 'PERCENT', summary: 'processor time, 100 is one processor (default: no cap)' },
    vcpus: { type: 'string', value: 'N', summary: 'processors of machines' },
    lwps: { type: 'string', value: 'N', summary: 'threads (default: 4000)' },
    version: { type: 'string', value: 'X.Y.Z', summary: 'its version (default: 1.0.0)' },
    group: { type: 'string', value: 'TEXT', summary: 'what it is listed with' },
    brand: { type: 'string', value: 'BRAND', summary: 'only for instances of this brand' },
    description: { type: 'string', value: 'TEXT', summary: 'what it is for' },
    owners: { type: 'string', value: 'UUID,…', summary: 'only these accounts may use it' },
    networks: { type: 'string', value: 'UUID,…', summary: 'networks of instances that name none' },
  },
  verbs: [
    { name: 'list', run: async (asked) => shownList(asked, await askHead(asked.directory, { method: 'GET', path: '/packages' }), COLUMNS) },
    { name: 'get', operands: '<uuid>', operandCount: [1, 1], run: async (asked) => JSON.stringify(await askHead(asked.directory, { method: 'GET', path: pathOf(asked) }), null, 2) },
    { name: 'add', operands: '<name>', operandCount: [1, 1], options: NEW, run: add },
    { name: 'retire', operands: '<uuid>', operandCount: [1, 1], run: retire },
  ],
  examples: [
    ['zonewright head package add small --ram 1024 --disk 10240 --cpu 100 --vcpus 1', '1 GiB of memory, 10 GiB of disk, one processor'],
    ['zonewright head package retire <uuid>', 'no new instance gets it; those that have it keep it'],
  ],
});

function pathOf({ operands: [uuid = ''] }: VerbInvocation): string {
  return `/packages/${encodeURIComponent(uuid)}`;
}

async function add(asked: VerbInvocation): Promise<string> {
  const list = (name: string): string[] | undefined => textOf(asked, name)?.split(',');
  const made = await askHead<WireObject>(asked.directory, {
    method: 'POST',
    path: '/packages',
    body: {
      name: asked.operands[0],
      version: textOf(asked, 'version'),
      max_physical_memory: textOf(asked, 'ram'),
      quota: textOf(asked, 'disk'),
      max_swap: textOf(asked, 'swap'),
      cpu_cap: textOf(asked, 'cpu'),
      vcpus: textOf(asked, 'vcpus'),
      max_lwps: textOf(asked, 'lwps'),
      group: textOf(asked, 'group'),
      brand: textOf(asked, 'brand'),
      description: textOf(asked, 'description'),
      owner_uuids: list('owners'),
      networks: list('networks'),
    },
  });
  return asked.values['json'] ? JSON.stringify(made, null, 2) : String(made['uuid']);
}

async function retire(asked: VerbInvocation): Promise<string> {
  await askHead(asked.directory, { method: 'PUT', path: pathOf(asked), body: { active: false } });
  return '';
}
