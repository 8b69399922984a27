/**
 * The rooms of the head node, and the doors between them. Each domain folder offers one of these services; APIs and other
 * domains know only what is written here. `compose.ts` opens them and hands them to each other.
 *
 * Objects that pass are those of the wire (reference/control-plane.md), so that nothing is translated twice.
 *
 *   cloudapi → accounts, packages, vms, images, networks
 *   vms → jobs (what takes time), placement, networks, images, servers (tasks to agents)
 *   placement → servers, vms
 */
import type { Readable } from 'node:stream';

/** A JSON object as it is on the wire. */
export type WireObject = Readonly<Record<string, unknown>>;

/** Who asked, for logs, jobs and the audit trail. */
export interface Asker {
  readonly requestId: string;
  /** `operator`, `account:<uuid>`, `server:<uuid>`. */
  readonly by: string;
}

// --- servers/: inventory, liveness, tasks to agents (control-plane §2, §1.5) ---

/** How a server is seen: `running` while its heartbeats are younger than 11 s (§2.3). */
export type ServerStatus = 'running' | 'unknown' | 'rebooting';

/** CNAPI's server object (§2.2), with its VMs as the node last told them. */
export interface Server extends WireObject {
  readonly uuid: string;
  readonly hostname: string;
  readonly status: ServerStatus;
  readonly setup: boolean;
  readonly headnode: boolean;
  readonly reserved: boolean;
  readonly sysinfo: WireObject;
  readonly vms: Readonly<Record<string, WireObject>>;
  readonly memory_total_bytes: number;
  readonly memory_available_bytes: number;
  readonly memory_provisionable_bytes: number;
}

export interface TaskRequest {
  readonly task: string;
  readonly params: WireObject;
  /** Given by the caller: the same id never runs twice, however often it is sent. */
  readonly id: string;
  readonly asker: Asker;
  readonly timeoutSeconds?: number;
}

/** How a task ended on its node; `unreachable` when the node cannot be asked now (it may still run there). */
export type TaskOutcome =
  | { readonly outcome: 'complete'; readonly result: WireObject }
  | { readonly outcome: 'failure'; readonly error: { readonly code: string; readonly message: string; readonly restCode?: string } }
  | { readonly outcome: 'unreachable'; readonly reason: string };

export interface Servers {
  get(uuid: string): Promise<Server | undefined>;
  list(): Promise<readonly Server[]>;
  /** Run a task on a node and wait for its end. Asking again with the same id waits for, or tells, the same run. @throws ServerNotFound */
  runTask(serverUuid: string, request: TaskRequest): Promise<TaskOutcome>;
  /** Begin a task and do not wait for it; `GET /tasks/:id` tells how it goes. @throws ServerNotFound */
  startTask(serverUuid: string, request: TaskRequest): Promise<void>;
  /**
   * Called for each change of what a node says of its VMs, and of its liveness, in one of the head processes: the one that heard it.
   * Each report says all, and comes again at least once a minute, so one that could not be taken is not lost.
   */
  onReport(listener: (report: ServerReport) => Promise<void>): void;
}

/** What a node says of its VMs: all of them, as properties of §1.5's status. Absent ones are not on the node. */
export interface ServerReport {
  readonly serverUuid: string;
  readonly status: ServerStatus;
  /** Undefined when only the liveness changed. */
  readonly vms: Readonly<Record<string, WireObject>> | undefined;
  /** VMs that are not as in the report before: new, other, gone. Undefined when any may be. */
  readonly changed?: readonly string[];
}

// --- jobs/: workflows that survive their head process (§3.5, §9.2) ---

export interface Job extends WireObject {
  readonly uuid: string;
  /** `provision`, `start`, `stop`, `reboot`, `destroy`, `update` … */
  readonly name: string;
  readonly execution: 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled';
  readonly params: WireObject;
  readonly vm_uuid?: string;
  readonly server_uuid?: string;
  readonly created_at: string;
  /** One entry for each step that began, with its evidence. */
  readonly chain_results: ReadonlyArray<{ readonly name: string; readonly result: string; readonly error: string; readonly started_at: string; readonly finished_at: string | null }>;
}

/** What a step is given. Steps are idempotent: one that was interrupted runs again, maybe in another process. */
export interface StepContext {
  readonly jobUuid: string;
  readonly params: WireObject;
  /** What earlier steps left for later ones; kept with the job. */
  readonly state: WireObject;
  readonly asker: Asker;
  /** Ends when the step's time is over, when the job is another process's, or when this one stops: the step ends soon then. */
  readonly signal: AbortSignal;
  /** While steps are taken back: which one failed, and why. */
  readonly failure?: string;
}

export interface WorkflowStep {
  readonly name: string;
  readonly timeoutSeconds: number;
  /** How long a node that cannot be reached is asked again; as long as the step may take unless given. */
  readonly patienceSeconds?: number;
  /** @returns `evidence` for people, `state` to merge into the job's */
  run(context: StepContext): Promise<{ readonly evidence: string; readonly state?: WireObject }>;
  /** Take back what it did, when a later step failed for good. Runs in the reverse order, also for a step that was interrupted. */
  compensate?(context: StepContext): Promise<void>;
}

export interface Workflow {
  readonly name: string;
  readonly steps: readonly WorkflowStep[];
}

export interface Jobs {
  define(workflow: Workflow): void;
  /** Queue a job. Jobs of one `lock` (a VM's uuid) run one at a time, in order. */
  start(name: string, options: { readonly params: WireObject; readonly lock: string; readonly vmUuid?: string; readonly serverUuid?: string; readonly asker: Asker }): Promise<Job>;
  get(uuid: string): Promise<Job | undefined>;
  list(filter: { readonly vmUuid?: string; readonly execution?: string; readonly task?: string; readonly limit?: number; readonly offset?: number }): Promise<readonly Job[]>;
  /** The job when it has ended, or as it is when the time is over. */
  wait(uuid: string, timeoutSeconds: number): Promise<Job>;
}

// --- vms/: VMAPI (§3) ---

/** VMAPI's VM object: `vmadm get`'s with `server_uuid`, `state` as §3.4 names it (`unknown` while its node is). */
export interface Vm extends WireObject {
  readonly uuid: string;
  readonly owner_uuid: string;
  readonly state: string;
  readonly brand: string;
}

export interface VmFilter {
  readonly ownerUuid?: string;
  readonly uuids?: readonly string[];
  /** The other filters of §3.4, by their names on the wire: alias, state, brand, image_uuid, server_uuid, tag.*, ram … */
  readonly match?: WireObject;
  /** JSON: and, or, eq, ne, le, ge, lt, gt. */
  readonly predicate?: string | undefined;
  /** A field's name, with `.asc` or `.desc`; `uuid.desc` unless given. */
  readonly sort?: string;
  /** 1000 at most, and unless given. */
  readonly limit?: number;
  readonly offset?: number;
  /** JSON: the last VM of the page before. */
  readonly marker?: string | undefined;
}

export interface Vms {
  /** @param options.ownerUuid another owner's VM is as if it were not there; `sync` asks the node first */
  get(uuid: string, options?: { readonly ownerUuid?: string | undefined; readonly sync?: boolean }): Promise<Vm | undefined>;
  list(filter: VmFilter): Promise<{ readonly vms: readonly Vm[]; readonly total: number }>;
  /** Check a payload of §3.2, record the VM as provisioning and queue the job. @throws ValidationFailed (409, `errors[]`) */
  create(payload: WireObject, asker: Asker): Promise<{ readonly vm_uuid: string; readonly job_uuid: string }>;
  /** One of §3.1's actions: start stop kill reboot update add_nics remove_nics … @throws VmNotFound, ValidationFailed, UnallocatedVM */
  act(uuid: string, action: string, params: WireObject, asker: Asker): Promise<{ readonly vm_uuid: string; readonly job_uuid: string }>;
  destroy(uuid: string, asker: Asker): Promise<{ readonly vm_uuid: string; readonly job_uuid: string }>;
  /**
   * Change tags or metadata: `merge` (POST), `replace` (PUT), `remove` one key or all (DELETE). The job is `update`; its `params.subtask`
   * names the change for CloudAPI's audit: `set_tags`, `replace_tags` (also for removing all), `remove_tags`, and `set_metadata` and so on for metadata.
   */
  changeMap(uuid: string, map: 'tags' | 'customer_metadata' | 'internal_metadata', change: { readonly how: 'merge' | 'replace' | 'remove'; readonly values?: WireObject; readonly key?: string }, asker: Asker): Promise<{ readonly vm_uuid: string; readonly job_uuid: string }>;
}

// --- placement/: which server (§2.7) ---

export interface Allocation {
  /** Undefined when no server qualifies; `steps` says why. */
  readonly server: Server | undefined;
  /** What each filter and score did, in order: the explanation. */
  readonly steps: ReadonlyArray<{ readonly step: string; readonly remaining: readonly string[]; readonly reasons?: WireObject }>;
}

export interface Placement {
  /**
   * Choose a server for a VM and reserve its place under that uuid, so that allocations at the same moment see each other. Asked again
   * for the same VM, it tells the same server. The reservation ends by itself when the node reports the VM, or after two hours.
   * @param request.vm a payload of §3.2 with `uuid`: what counts are max_physical_memory or ram (MiB), quota (GiB), disks (MiB), cpu_cap, brand, owner_uuid
   * @param request.nicTags tags that the server must have, all of them
   * @param request.nicTagRequirements for each nic the tags of which one is enough (a pool's)
   * @param request.servers only these; one that is named may be reserved or a head node
   * @throws InvalidArgument when the VM says no uuid or no memory
   */
  allocate(request: {
    readonly vm: WireObject;
    readonly image?: WireObject | undefined;
    readonly nicTags: readonly string[];
    readonly nicTagRequirements?: ReadonlyArray<readonly string[]> | undefined;
    readonly servers?: readonly string[] | undefined;
  }): Promise<Allocation>;
  /** Reserve a place for a VM whose server the operator chose, whether or not it qualifies: others shall see it. @throws InvalidArgument */
  hold(request: { readonly vm: WireObject; readonly image?: WireObject | undefined }, serverUuid: string): Promise<void>;
  /**
   * Give a reservation back: the create failed, or the VM is gone. Nothing happens when there is none. Not after a create that went well:
   * the place would look free until the node reports the VM.
   */
  release(vmUuid: string): Promise<void>;
  capacity(servers?: readonly string[]): Promise<{ readonly capacities: WireObject; readonly errors: WireObject }>;
}

// --- networks/: NAPI (§4) ---

export interface Networks {
  /** Networks, then pools (which have `networks`), each by name. */
  list(filter: { readonly provisionableBy?: string; readonly name?: string; readonly nicTag?: string }): Promise<readonly WireObject[]>;
  /** A network or a pool. */
  get(idOrName: string): Promise<WireObject | undefined>;
  /** A nic with an address of the network (or pool), reserved for `belongsTo` under its own key, so that asking twice gives one. @throws SubnetFull, InvalidParameters */
  provisionNic(network: string, nic: { readonly ownerUuid: string; readonly belongsToUuid: string; readonly belongsToType: 'zone' | 'server' | 'other'; readonly index: number; readonly ip?: string; readonly primary?: boolean; readonly cnUuid?: string; readonly nicTagsAvailable?: readonly string[] }): Promise<WireObject>;
  /** All nics of a VM or server. */
  nicsOf(belongsToUuid: string): Promise<readonly WireObject[]>;
  /** Free all nics and addresses of a VM or server, or only these of its nics. */
  releaseNics(belongsToUuid: string, macs?: readonly string[]): Promise<void>;
  /**
   * Take over what a node says of a VM's nics (`vmadm get`'s object): those made on the node itself become known here, their addresses
   * used; those that are gone are freed, unless they are still being provisioned. Cheap when nothing changed.
   * @returns what could not be taken over, in words: an address that another one holds
   */
  adopt(vm: WireObject, serverUuid: string): Promise<readonly string[]>;
  /** Take over a server's own nics from its sysinfo (§1.6), and make the nic tags that it names and nobody knew. */
  adoptServer(server: WireObject): Promise<void>;
  /** The server's `networking.json` (§5.2), from what is stored and nothing else. */
  networkingOf(serverUuid: string, names?: { readonly hostname?: string; readonly datacenterName?: string; readonly dnsDomain?: string }): Promise<WireObject>;
}

// --- images/: IMGAPI (reference/imgadm.md §3) ---

export interface Images {
  /** @param filter by the names of the wire: name, version, os, type, state, owner, public, account (what that account may see) … */
  list(filter: WireObject): Promise<readonly WireObject[]>;
  get(uuid: string, options?: { readonly account?: string | undefined }): Promise<WireObject | undefined>;
  openFile(uuid: string): Promise<{ readonly stream: Readable; readonly size: number; readonly sha1: string } | undefined>;
}

// --- packages/, accounts/ ---

/** PAPI's package: name, max_physical_memory (MiB), quota (MiB), cpu_cap, max_lwps, max_swap, vcpus, zfs_io_priority, version, group, active … */
export interface Package extends WireObject {
  readonly uuid: string;
  readonly name: string;
  readonly version: string;
  readonly active: boolean;
}

export interface PackageFilter {
  readonly active?: boolean;
  /** Those that everyone, or this account, may use. */
  readonly ownerUuid?: string | undefined;
  /** Properties that must have these values. */
  readonly match?: WireObject;
  readonly limit?: number;
  readonly offset?: number;
}

export interface Packages {
  list(filter?: PackageFilter): Promise<{ readonly packages: readonly Package[]; readonly total: number }>;
  /** By uuid or name; of a name the newest active version. */
  get(idOrName: string): Promise<Package | undefined>;
  /** @throws InvalidArgument, InUse */
  create(input: WireObject): Promise<Package>;
  /** What instances were made with stays as it is. @throws ResourceNotFound, InvalidArgument */
  update(uuid: string, changes: WireObject): Promise<Package>;
  /** @returns whether there was one */
  remove(uuid: string): Promise<boolean>;
}

export interface Account extends WireObject {
  readonly uuid: string;
  readonly login: string;
  readonly email: string;
}

/** An SSH public key of an account. */
export interface AccountKey {
  readonly name: string;
  /** MD5, hexadecimal with colons. */
  readonly fingerprint: string;
  readonly sha256: string;
  /** The public key's line. */
  readonly openssh: string;
  readonly created: string;
}

export interface Accounts {
  /** By uuid or login. */
  get(idOrLogin: string): Promise<Account | undefined>;
  list(page?: { readonly limit?: number; readonly offset?: number }): Promise<readonly Account[]>;
  /** @throws InvalidArgument, InUse */
  add(input: WireObject): Promise<Account>;
  /** @throws ResourceNotFound, InvalidArgument */
  update(uuid: string, changes: WireObject): Promise<Account>;
  keys(accountUuid: string): Promise<readonly AccountKey[]>;
  /** A key of an account, by its fingerprint (MD5 or SHA256) or name. */
  key(accountUuid: string, fingerprintOrName: string): Promise<AccountKey | undefined>;
  /** @param input `{ key, name? }` @throws InvalidArgument, InUse */
  addKey(accountUuid: string, input: WireObject): Promise<AccountKey>;
  /** @returns whether there was one */
  removeKey(accountUuid: string, fingerprintOrName: string): Promise<boolean>;
}

/** Everything that is open in a head process. */
export interface Services {
  readonly servers: Servers;
  readonly jobs: Jobs;
  readonly vms: Vms;
  readonly placement: Placement;
  readonly networks: Networks;
  readonly images: Images;
  readonly packages: Packages;
  readonly accounts: Accounts;
}
