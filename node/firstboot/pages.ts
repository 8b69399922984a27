/** The wizard's pages: each asks about one thing and gives back the answers with it. */
import { capacityOf, isCandidate, layoutFor, LAYOUTS, LEAST_DISKS, proposeLayout } from '../disks/propose.ts';
import { sizeText } from '../disks/select.ts';
import type { Disk } from '../disks/list.ts';
import { prefixOfNetmask } from '../../host/net/ipv4.ts';
import type { Answers } from './answers.ts';
import { Mistake, WentBack, type Dialogue } from './dialogue.ts';
import type { Machine } from './machine.ts';
import { hashPassword } from './password.ts';
import { defaultHostname, defaultRange, interfaceFor } from './plan.ts';
import { diskLine } from './summary.ts';
import { addressOrNone, choiceOf, listOf, valueOf, yesOrNo } from './values.ts';

export type Page = (dialogue: Dialogue, machine: Machine, answers: Answers) => Promise<Answers>;

const ROLES = ['standalone', 'head', 'node'] as const;

export const rolePage: Page = async (dialogue, _machine, answers) => {
  dialogue.say('What shall this machine be?');
  dialogue.say('  1  standalone: a node on its own');
  dialogue.say('  2  head: a head node, which manages other machines and boots them over the network');
  dialogue.say('  3  node: a node of a fleet that has a head node');
  const role = await dialogue.ask({ text: 'Role', preset: answers.role ?? 'standalone', read: (typed) => choiceOf(ROLES, typed) });
  if (role !== 'node') return { ...answers, role };
  const { join } = answers;
  const known = join && 'head' in join ? join : undefined;
  dialogue.say('On the head node `zonewright head status` shows its address and the fingerprint of its certificate.');
  const head = await dialogue.ask({ text: 'Address of the head node', ...(known ? { preset: known.head } : {}), read: headUrl });
  const ca_sha256 = await dialogue.ask({ text: 'Fingerprint', ...(known ? { preset: known.ca_sha256 } : {}), read: fingerprint });
  return { ...answers, role, join: valueOf('join', { head, ca_sha256 }) };
};

/** `10.88.0.1` is as good as `https://10.88.0.1:8443`. */
function headUrl(typed: string): string {
  const url = /^https:\/\//.test(typed) ? typed : `https://${typed}${/:\d+$/.test(typed) ? '' : ':8443'}`;
  if (/^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?\/?$/.test(url) && URL.canParse(url)) return url;
  throw new Mistake('That is not the address of a head node, like 10.88.0.1 or https://head.example.com:8443.');
}

function fingerprint(typed: string): string {
  const digits = typed.replaceAll(/[:\s]/g, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  throw new Mistake('A fingerprint has 64 hexadecimal digits, with or without colons.');
}

export const networkPage: Page = async (dialogue, { interfaces }, answers) => {
  if (interfaces.length === 0) throw new Error('this machine has no network interface');
  dialogue.say('Network interfaces');
  interfaces.forEach(({ name, mac, driver, carrier }, index) => dialogue.say(`  ${index + 1}  ${name.padEnd(12)}${mac}  ${driver}${carrier === true ? '' : carrier === false ? ', nothing is plugged in' : ', not looked at'}`));
  const macs = interfaces.map(({ mac }) => mac);
  const preset = interfaceFor(answers.admin_nic, interfaces);
  const admin_nic = await dialogue.ask({ text: 'Interface of the admin network', preset: preset.name, read: (typed) => interfaces.find(({ name }) => name === typed)?.mac ?? choiceOf(macs, typed) });
  const address = await askAddress(dialogue, answers);
  const dns_resolvers = await dialogue.ask({ text: 'DNS resolvers (with blanks between them, or none)', preset: answers.dns_resolvers?.join(' ') || 'none', read: (typed) => listOf('dns_resolvers', typed) });
  const hostname = await dialogue.ask({ text: 'Host name', preset: answers.hostname ?? defaultHostname(admin_nic), read: (typed) => valueOf('hostname', typed) });
  const { admin_ip: _ip, admin_netmask: _mask, admin_gateway: _gateway, dns_domain: _domain, ...rest } = answers;
  const next: Answers = { ...rest, ...address, admin_nic, dns_resolvers, hostname };
  const domain = await dialogue.ask({ text: 'DNS domain (or none)', preset: answers.dns_domain ?? 'none', read: (typed) => (/^none$/i.test(typed) ? undefined : valueOf('dns_domain', typed)) });
  const withDomain = domain === undefined ? next : { ...next, dns_domain: domain };
  return answers.role === 'head' ? askHead(dialogue, withDomain) : withDomain;
};

async function askAddress(dialogue: Dialogue, answers: Answers): Promise<Pick<Answers, 'admin_ip' | 'admin_netmask' | 'admin_gateway' | 'admin_vlan_id'>> {
  const isHead = answers.role === 'head';
  const vlan = await dialogue.ask({ text: 'VLAN of the admin network (0 for none)', preset: String(answers.admin_vlan_id ?? 0), read: (typed) => valueOf('admin_vlan_id', /^\d+$/.test(typed) ? Number(typed) : typed) });
  const admin_ip = await dialogue.ask({
    text: isHead ? 'Address of this machine' : 'Address of this machine (or dhcp)',
    preset: answers.admin_ip ?? (isHead ? '' : 'dhcp'),
    read: (typed) => {
      if (isHead && typed === 'dhcp') throw new Mistake('A head node needs an address that stays.');
      return valueOf('admin_ip', typed);
    },
  });
  if (admin_ip === 'dhcp') return { admin_ip, admin_vlan_id: vlan };
  const admin_netmask = admin_ip.includes('/') ? undefined : await dialogue.ask({ text: 'Netmask', preset: answers.admin_netmask ?? '255.255.255.0', read: netmask });
  const gateway = await dialogue.ask({ text: 'Gateway (or none)', preset: answers.admin_gateway ?? 'none', read: addressOrNone });
  return { admin_ip, admin_vlan_id: vlan, ...(admin_netmask === undefined ? {} : { admin_netmask }), ...(gateway === undefined ? {} : { admin_gateway: gateway }) };
}

function netmask(typed: string): string {
  const mask = valueOf('admin_netmask', typed);
  const prefix = prefixOfNetmask(mask);
  if (prefix === undefined || prefix < 8 || prefix > 30) throw new Mistake('That is not a netmask of 8 to 30 bits, like 255.255.255.0.');
  return mask;
}

async function askHead(dialogue: Dialogue, answers: Answers): Promise<Answers> {
  const datacenter_name = await dialogue.ask({ text: 'Name of this datacenter', preset: answers.datacenter_name ?? 'datacenter', read: (typed) => valueOf('datacenter_name', typed) });
  const range = answers.dhcp_range ?? defaultRange(answers);
  dialogue.say('Machines that start from the network get addresses of a range that nothing else uses.');
  const start = await dialogue.ask({ text: 'First address', preset: range.start, read: (typed) => addressOrNone(typed) ?? range.start });
  const end = await dialogue.ask({ text: 'Last address', preset: range.end, read: (typed) => addressOrNone(typed) ?? range.end });
  const automatic = await dialogue.ask({ text: 'Set up every machine that appears on the admin network, without asking (yes/no)', preset: answers.setup_nodes === 'automatic' ? 'yes' : 'no', read: yesOrNo });
  return { ...answers, datacenter_name, dhcp_range: { start, end }, setup_nodes: automatic ? 'automatic' : 'by_operator' };
}

export const disksPage: Page = async (dialogue, { disks }, answers) => {
  dialogue.say('Disks');
  disks.filter(({ transport }) => transport !== 'loop').forEach((disk, index) => dialogue.say(`  ${index + 1}  ${diskLine(disk)}`));
  const proposal = proposeLayout(disks);
  const usable = disks.filter(({ obstacle }) => obstacle === undefined);
  if (usable.length === 0) {
    dialogue.say('There is no disk that could be used.');
    await dialogue.ask({ text: 'Plug one in and press Enter, or start again', read: () => undefined });
    throw new WentBack('no disk');
  }
  for (const { disk, reason } of proposal?.leftOut ?? []) if (disk.transport !== 'loop') dialogue.say(`  ${disk.path} is left as it is: ${reason}`);
  if (proposal) dialogue.say(`Proposed: ${proposal.layout} on ${proposal.disks.map(({ path }) => path).join(', ')}, about ${sizeText(capacityOf(proposal.layout, proposal.disks))}`);
  const asked = Array.isArray(answers.disks) && answers.disks.every((one) => typeof one === 'string') ? answers.disks.join(' ') : undefined;
  const chosen = await dialogue.ask({
    text: 'Disks for the pool, by number or path',
    preset: asked ?? proposal?.disks.map(({ path }) => path).join(' ') ?? '',
    read: (typed) => disksNamed(disks, typed),
  });
  const layout = await dialogue.ask({
    text: `Layout (${LAYOUTS.join(', ')})`,
    preset: answers.layout !== undefined && answers.layout !== 'auto' ? answers.layout : layoutFor(chosen.length),
    read: (typed) => {
      const one = choiceOf(LAYOUTS, typed);
      if (chosen.length < LEAST_DISKS[one]) throw new Mistake(`${one} takes at least ${LEAST_DISKS[one]} disks.`);
      return one;
    },
  });
  const bootable = await dialogue.ask({ text: 'Make these disks bootable, so that no boot medium or server is needed (yes/no)', preset: answers.bootable === false ? 'no' : 'yes', read: yesOrNo });
  return { ...answers, disks: chosen.map(({ path }) => path), layout, bootable };
};

function disksNamed(disks: readonly Disk[], typed: string): Disk[] {
  const shown = disks.filter(({ transport }) => transport !== 'loop');
  const names = typed.split(/[\s,]+/).filter((part) => part !== '');
  if (names.length === 0) throw new Mistake('Please name at least one disk.');
  if (names.length === 1 && names[0] === 'all') return shown.filter(isCandidate);
  const chosen = names.map((name) => {
    const disk = disks.find(({ path, id }) => path === name || id === name || path === `/dev/${name}`) ?? (/^\d+$/.test(name) ? shown[Number(name) - 1] : undefined);
    if (!disk) throw new Mistake(`There is no disk ${name}.`);
    if (disk.obstacle !== undefined) throw new Mistake(`${disk.path} cannot be used: ${disk.obstacle}.`);
    return disk;
  });
  return disks.filter((disk) => chosen.includes(disk));
}

export const accessPage: Page = async (dialogue, _machine, answers) => {
  const { root_password: _, root_password_hash: known, root_authorized_keys: keys, ...rest } = answers;
  dialogue.say('Root logs in on the console with a password, by ssh with a key.');
  const typed = await dialogue.ask({
    text: known === undefined ? 'Password of root (empty for none)' : 'Password of root (empty for the one that was given)',
    hidden: true,
    read: (text) => (text === '' ? undefined : valueOf('root_password', text)),
  });
  if (typed !== undefined) {
    const again = await dialogue.ask({ text: 'The same again', hidden: true, read: (text) => text });
    if (again !== typed) {
      dialogue.say('  These two were not the same.');
      return accessPage(dialogue, _machine, answers);
    }
  }
  const hash = typed === undefined ? known : await hashPassword(typed);
  const key = await dialogue.ask({
    text: hash === undefined ? 'ssh public key' : 'ssh public key (or none)',
    preset: keys?.[0] ?? (hash === undefined ? '' : 'none'),
    read: (text) => {
      if (hash !== undefined && /^(none)?$/i.test(text)) return undefined;
      if (text === '' && answers.role === 'node') return undefined;
      if (text === '') throw new Mistake('Without a password and a key nobody could log in.');
      return valueOf('root_authorized_keys', [text])[0];
    },
  });
  const further = keys?.slice(1) ?? [];
  return { ...rest, ...(hash === undefined ? {} : { root_password_hash: hash }), ...(key === undefined ? {} : { root_authorized_keys: [key, ...further] }) };
};
