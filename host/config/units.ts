/** Branded units and ids: a value of one cannot be passed where another is meant. Parse at the edge, trust inside. */
declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

export type VmUuid = Branded<string, 'VmUuid'>;
export type ImageUuid = Branded<string, 'ImageUuid'>;
/** A ZFS dataset's full name, `zones/…`. */
export type Dataset = Branded<string, 'Dataset'>;
/** Mebibytes. */
export type MiB = Branded<number, 'MiB'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether text is a uuid as payloads must spell it: lower case, 8-4-4-4-12. */
export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text);
}

/** Take text that has been checked to be a uuid as an instance's. @throws Error on anything else (a mistake of ours). */
export function vmUuid(text: string): VmUuid {
  if (!isUuid(text)) throw new Error(`not a uuid: ${text}`);
  return text as VmUuid;
}

/** Take text that has been checked to be a uuid as an image's. @throws Error on anything else (a mistake of ours). */
export function imageUuid(text: string): ImageUuid {
  if (!isUuid(text)) throw new Error(`not a uuid: ${text}`);
  return text as ImageUuid;
}

const COMPONENT = /^[A-Za-z0-9][A-Za-z0-9_.:-]*$/;

/** A dataset's name from its pool and components. @throws Error when one of them could be read as more than a name. */
export function dataset(...components: [string, ...string[]]): Dataset {
  for (const component of components) {
    if (!COMPONENT.test(component)) throw new Error(`not a dataset name component: ${JSON.stringify(component)}`);
  }
  return components.join('/') as Dataset;
}
