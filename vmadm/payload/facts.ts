/** What payloads are checked against: things of the node that only the caller can ask. */

/** What a payload's rules need of an image's manifest. */
export interface ImageFacts {
  readonly type: string;
  /** MiB, of a machine's disk image. */
  readonly image_size?: number | undefined;
  readonly requirements?: Readonly<Record<string, unknown>> | undefined;
  readonly tags?: Readonly<Record<string, unknown>> | undefined;
}

export interface PayloadFacts {
  /** An installed image; the uuid is well-formed. */
  findImage(uuid: string): Promise<ImageFacts | undefined> | ImageFacts | undefined;
  poolExists(name: string): Promise<boolean> | boolean;
  nicTagExists(tag: string): boolean;
  /** The smallest MTU that a nic on a tag with a physical interface may have; undefined where any will do. */
  nicTagMtu?(tag: string): number | undefined;
  /** Whether the pool has a dataset of this name, whoever made it. */
  datasetExists?(uuid: string): Promise<boolean> | boolean;
  /** The pool of instances whose payload names none. */
  readonly defaultPool?: string;
}

/** Where new identifiers come from. */
export interface NewIds {
  uuid(): string;
  mac(): string;
  now(): Date;
}
