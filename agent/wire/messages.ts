/**
 * What an agent says to its head node (reference/control-plane §1.5), and what it hears back.
 *
 * A genuine cn-agent sends these without `boot_id` and `sequence`; its bodies validate here too. Ours count: `boot_id` names
 * one life of the agent, `sequence` grows by one with each message of that life, whatever its kind. A registration makes its
 * `boot_id` the current one, so the head node drops what arrives late: a heartbeat or status of another boot_id, or with a
 * sequence that is not higher than the last one it took.
 */
import { z } from 'zod';
import { sysinfoSchema } from './sysinfo.ts';
import { uuidSchema } from './uuid.ts';

const counted = {
  boot_id: uuidSchema.optional(),
  sequence: z.number().int().nonnegative().optional(),
};

/** POST /servers/:uuid/sysinfo. Idempotent; the first message after a start and after every outage. */
export const registerSchema = z.looseObject({ sysinfo: sysinfoSchema, ...counted });
export type Register = z.infer<typeof registerSchema>;

/** POST /servers/:uuid, as the agent uses it: what is installed on the node. */
export const agentsSchema = z.looseObject({
  agents: z.array(z.looseObject({ name: z.string(), version: z.string(), image_uuid: uuidSchema.optional(), uuid: uuidSchema.optional() })),
});
export type Agents = z.infer<typeof agentsSchema>;

/** POST /servers/:uuid/events/heartbeat, 5 s after the one before it was answered. Genuine agents send `{}`. */
export const heartbeatSchema = z.looseObject({ ...counted });
export type Heartbeat = z.infer<typeof heartbeatSchema>;

/** An instance in a status. cpu_cap in percent of a core, max_physical_memory in MiB, quota in GiB. */
export const vmStatusSchema = z.looseObject({
  uuid: uuidSchema,
  owner_uuid: uuidSchema.optional(),
  brand: z.string(),
  state: z.string(),
  zone_state: z.string(),
  cpu_cap: z.number().optional(),
  max_physical_memory: z.number().optional(),
  quota: z.number().optional(),
  /** ISO 8601. */
  last_modified: z.string().optional(),
});
export type VmStatus = z.infer<typeof vmStatusSchema>;

/** All in bytes. */
export const diskInfoSchema = z.looseObject({
  kvm_zvol_used_bytes: z.number().optional(),
  kvm_zvol_volsize_bytes: z.number().optional(),
  kvm_quota_bytes: z.number().optional(),
  kvm_quota_used_bytes: z.number().optional(),
  zone_quota_bytes: z.number().optional(),
  zone_quota_used_bytes: z.number().optional(),
  cores_quota_bytes: z.number().optional(),
  cores_quota_used_bytes: z.number().optional(),
  installed_images_used_bytes: z.number().optional(),
  pool_size_bytes: z.number().optional(),
  pool_alloc_bytes: z.number().optional(),
  system_used_bytes: z.number().optional(),
});
export type DiskInfo = z.infer<typeof diskInfoSchema>;

export const memoryInfoSchema = z.looseObject({
  availrmem_bytes: z.number().optional(),
  arcsize_bytes: z.number().optional(),
  total_bytes: z.number().optional(),
});
export type MemoryInfo = z.infer<typeof memoryInfoSchema>;

/**
 * POST /servers/:uuid/events/status: the node as a whole, never a difference. An instance that is not in it is not on the
 * node (or is marked do_not_inventory).
 */
export const statusSchema = z.looseObject({
  vms: z.record(uuidSchema, vmStatusSchema),
  zpoolStatus: z.record(z.string(), z.looseObject({ bytes_available: z.number(), bytes_used: z.number() })).optional(),
  meminfo: memoryInfoSchema.optional(),
  diskinfo: diskInfoSchema.optional(),
  /** ISO 8601. */
  boot_time: z.string().optional(),
  /** ISO 8601: when the agent looked. */
  timestamp: z.string().optional(),
  ...counted,
});
export type Status = z.infer<typeof statusSchema>;

/** An instance as `vmadm get` prints it. */
export const vmObjectSchema = z.looseObject({ uuid: uuidSchema, brand: z.string(), state: z.string(), zone_state: z.string() });

/** PUT /vms?server_uuid=:uuid, vm-agent's part (§1.7): all instances of the node with all their properties. */
export const vmsSchema = z.looseObject({ vms: z.record(uuidSchema, vmObjectSchema) });
export type Vms = z.infer<typeof vmsSchema>;

/** PUT /vms/:uuid: one instance that changed. One that is gone comes with the state `destroyed`. */
export const vmSchema = vmObjectSchema;

/**
 * What the head node answers to a registration, heartbeat or status: 200 with this, or 204 (as genuine ones do) for nothing to say.
 * 404 with code ResourceNotFound says that it does not know the server: the agent registers again.
 */
export const headAnswerSchema = z.looseObject({
  /** What the agent shall send: its registration again, its status now, all instances now and each one that changes from then on. */
  wants: z.array(z.enum(['register', 'status', 'vms'])).optional(),
  /** Fingerprints (SHA-256, hex) of certificates that are no longer good; the whole list whenever it is given. */
  revoked: z.array(z.string().regex(/^[0-9a-f]{64}$/)).optional(),
});
export type HeadAnswer = z.infer<typeof headAnswerSchema>;
