/**
 * The sysinfo document: what a node is, in SmartOS's spelling (reference/control-plane §1.6). Types are the field's own,
 * odd ones included: memory and boot time are strings of digits, "Setup" is the string "true" or "false".
 *
 * Only UUID is required, since documents also come from genuine agents of any age; a reader takes the rest as it finds it.
 * Keys that are not named here pass.
 */
import { z } from 'zod';
import { uuidSchema } from './uuid.ts';

const digits = z.string().regex(/^[0-9]+$/);
/** Linux variants of the field send a number here. */
const digitsOrNumber = z.union([digits, z.number()]);

export const networkInterfaceSchema = z.looseObject({
  'MAC Address': z.string(),
  /** Empty when the interface has none. */
  ip4addr: z.string().optional(),
  'Link Status': z.string().optional(),
  /** The nic tags that this interface carries. */
  'NIC Names': z.array(z.string()).optional(),
  'Detected NIC Name': z.string().optional(),
});
export type NetworkInterface = z.infer<typeof networkInterfaceSchema>;

export const virtualInterfaceSchema = z.looseObject({
  'MAC Address': z.string(),
  ip4addr: z.string().optional(),
  'Link Status': z.string().optional(),
  'Host Interface': z.string().optional(),
  /** "0" for none. */
  VLAN: z.union([z.string(), z.number()]).optional(),
  'Overlay Nic Tags': z.array(z.string()).optional(),
});
export type VirtualInterface = z.infer<typeof virtualInterfaceSchema>;

export const sysinfoSchema = z.looseObject({
  UUID: uuidSchema,
  Hostname: z.string().optional(),
  'Datacenter Name': z.string().optional(),
  'Headnode ID': z.string().optional(),
  'SDC Version': z.string().optional(),
  /** Platform stamp, `20261121T101500Z`. */
  'Live Image': z.string().optional(),
  'System Type': z.string().optional(),
  /** Epoch seconds. A change of it means that the node rebooted. */
  'Boot Time': digitsOrNumber.optional(),
  'Boot Parameters': z.record(z.string(), z.unknown()).optional(),
  Manufacturer: z.string().optional(),
  Product: z.string().optional(),
  'Serial Number': z.string().optional(),
  'SKU Number': z.string().optional(),
  'HW Version': z.string().optional(),
  'HW Family': z.string().optional(),
  Setup: z.union([z.enum(['true', 'false']), z.boolean()]).optional(),
  'VM Capable': z.boolean().optional(),
  'Bhyve Capable': z.boolean().optional(),
  'Bhyve Max Vcpus': z.number().optional(),
  'HVM API': z.boolean().optional(),
  'CPU Type': z.string().optional(),
  /** `vmx`, `svm` or `none`. */
  'CPU Virtualization': z.string().optional(),
  /** Sockets, whatever its name says. */
  'CPU Physical Cores': z.number().optional(),
  /** Logical processors, whatever its name says. */
  'CPU Total Cores': z.number().optional(),
  'CPU Socket Count': z.number().optional(),
  'CPU Core Count': z.number().optional(),
  'CPU Online Count': z.number().optional(),
  'CPU Count': z.number().optional(),
  'MiB of Memory': digitsOrNumber.optional(),
  Zpool: z.string().optional(),
  /** Names with commas between them. */
  'Zpool Disks': z.union([z.string(), z.array(z.string())]).optional(),
  /** `striped`, `mirror`, `raidz` … */
  'Zpool Profile': z.string().optional(),
  /** Epoch seconds. */
  'Zpool Creation': z.number().optional(),
  'Zpool Size in GiB': z.number().optional(),
  'Zpool Encrypted': z.boolean().optional(),
  'Zpool Recovery': z.record(z.string(), z.unknown()).optional(),
  Disks: z.record(z.string(), z.looseObject({ 'Size in GB': z.number() })).optional(),
  'Admin NIC Tag': z.string().optional(),
  'Admin IP': z.string().optional(),
  'Network Interfaces': z.record(z.string(), networkInterfaceSchema).optional(),
  'Virtual Network Interfaces': z.record(z.string(), virtualInterfaceSchema).optional(),
  'Link Aggregations': z.record(z.string(), z.looseObject({ 'LACP mode': z.string().optional(), Interfaces: z.array(z.string()) })).optional(),
  'SDC Agents': z.array(z.looseObject({ name: z.string(), version: z.string() })).optional(),
  Psrinfo: z.record(z.string(), z.unknown()).optional(),
  /** Where the head node calls this agent; the agent adds both to its registration. */
  'CN Agent Port': z.number().int().min(1).max(65535).optional(),
  'CN Agent IP': z.string().optional(),
});
export type Sysinfo = z.infer<typeof sysinfoSchema>;
