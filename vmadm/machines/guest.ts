/** What a guest tells of itself through its agent, where it has one. Nothing of it is more than a guest's word. */
import { z } from 'zod';
import type { Node } from '../../host/config/node-config.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { withGuestAgent } from '../../host/qemu/guest-agent.ts';
import type { Qmp } from '../../host/qemu/qmp.ts';
import { agentSocket, hasGuestAgent } from './guest-agent.ts';

const text = z.string().max(256);

const HOSTNAME = z.object({ 'host-name': text });
const SYSTEM = z.object({ 'pretty-name': text.optional(), 'kernel-release': text.optional() });
const INTERFACES = z
  .array(z.object({ name: text, 'hardware-address': text.optional(), 'ip-addresses': z.array(z.object({ 'ip-address': text, prefix: z.number() })).max(64).optional() }))
  .max(64);

/** As `vmadm info` shows it. */
export type GuestFacts =
  | { readonly agent: false }
  | { readonly agent: true; readonly error: string }
  | {
      readonly agent: true;
      readonly hostname: string;
      readonly system?: string | undefined;
      readonly kernel?: string | undefined;
      readonly interfaces: ReadonlyArray<{ readonly name: string; readonly mac?: string | undefined; readonly ips: readonly string[] }>;
    };

/** Ask the guest of a running machine about itself. */
export async function guestFacts(node: Node, uuid: string, qmp: Qmp): Promise<GuestFacts> {
  if (!(await hasGuestAgent(qmp))) return { agent: false };
  try {
    return await withGuestAgent(agentSocket(node, uuid), async (ask) => {
      const { 'host-name': hostname } = HOSTNAME.parse(await ask('guest-get-host-name'));
      const system = SYSTEM.parse(await ask('guest-get-osinfo'));
      const interfaces = INTERFACES.parse(await ask('guest-network-get-interfaces'));
      return {
        agent: true,
        hostname,
        system: system['pretty-name'],
        kernel: system['kernel-release'],
        interfaces: interfaces.map((one) => ({ name: one.name, mac: one['hardware-address'], ips: (one['ip-addresses'] ?? []).map((ip) => `${ip['ip-address']}/${ip.prefix}`) })),
      };
    });
  } catch (error) {
    if (isErrorCode(error, 'GuestAgentFailed')) return { agent: true, error: (error as Error).message };
    if (error instanceof z.ZodError) return { agent: true, error: 'the guest agent answers something else than it was asked' };
    throw error;
  }
}
