/** What a machine says of itself that nobody knows: of a sysinfo document the part that people look at before they approve of it. */
import { z } from 'zod';
import { enrolUuidSchema, type Sysinfo } from '../../agent/wire/index.ts';

const text = z.string().max(256).regex(/^[\x20-\x7e]*$/, { error: 'must be printable' });
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/, { error: 'must be a name' });
const mac = z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, { error: 'must be a MAC address' });
const address = z.union([z.ipv4(), z.literal('')]);
const number = z.number().min(0).max(1e15);
const digits = z.union([z.string().regex(/^\d{1,15}$/), number]).transform(String);

function few<Value extends z.ZodType>(value: Value, most: number) {
  return z.record(name, value).refine((entries) => Object.keys(entries).length <= most, { error: `must have at most ${most} entries` });
}

const strangerSchema = z.object({
  UUID: enrolUuidSchema,
  Hostname: text.optional(),
  'Live Image': text.optional(),
  'System Type': text.optional(),
  'SDC Version': text.optional(),
  Manufacturer: text.optional(),
  Product: text.optional(),
  'Serial Number': text.optional(),
  'SKU Number': text.optional(),
  'Boot Time': digits.optional(),
  'VM Capable': z.boolean().optional(),
  'Bhyve Capable': z.boolean().optional(),
  'CPU Acceleration': text.optional(),
  'CPU Type': text.optional(),
  'CPU Virtualization': text.optional(),
  'CPU Physical Cores': number.optional(),
  'CPU Total Cores': number.optional(),
  'MiB of Memory': digits.optional(),
  Disks: few(z.object({ 'Size in GB': number }), 512).optional(),
  'Network Interfaces': few(z.object({ 'MAC Address': mac, ip4addr: address.optional(), 'Link Status': z.enum(['up', 'down']).optional(), 'NIC Names': z.array(name).max(16).optional() }), 64).optional(),
  'Admin NIC Tag': name.optional(),
  'Admin IP': address.optional(),
});

/** @throws ZodError, which the app answers with what is wrong. A machine without a pool is not set up, and no head node, whatever it says. */
export function strangerSysinfo(told: unknown): Sysinfo {
  return { ...strangerSchema.parse(told), Setup: 'false', 'Boot Parameters': {} } as Sysinfo;
}

/** The MAC addresses of its interfaces, in lower case. */
export function macsIn(sysinfo: Sysinfo): string[] {
  return Object.values(sysinfo['Network Interfaces'] ?? {}).map((nic) => nic['MAC Address'].toLowerCase());
}
