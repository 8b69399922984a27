/** What a head link tells of a node. A real node and a simulated one each have their own; everything else of the link is shared. */
import type { VmObject } from '../../vmadm/engine.ts';
import type { Agents, Status } from '../wire/messages.ts';
import type { Sysinfo } from '../wire/sysinfo.ts';

/** Something that the head node would like to hear of. */
export type NodeChange = { readonly what: 'vm'; readonly uuid: string } | { readonly what: 'sysinfo' };

export interface NodeFacts {
  readonly uuid: string;
  /** Without where the agent listens: the link's owner knows that. */
  sysinfo(): Promise<Sysinfo>;
  agents(): Promise<Agents['agents']>;
  /** Without boot_id and sequence. */
  status(): Promise<Status>;
  vms(): Promise<readonly VmObject[]>;
  vm(uuid: string): Promise<VmObject | undefined>;
  /** Be told of changes to come. @returns what ends it */
  onChange(listener: (change: NodeChange) => void): () => void;
}
