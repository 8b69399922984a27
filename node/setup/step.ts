import type { NodeConfig } from '../../host/config/node-config.ts';
import type { SetupOptions } from './options.ts';

/** What one run of setup works on. */
export interface Setup {
  readonly options: SetupOptions;
  /** The node as an earlier setup left it. */
  readonly last: NodeConfig | undefined;
  readonly configPath: string;
  readonly serverUuid: string;
}

/** What a step finds: nothing to do, or what it would do. */
export type Finding = { readonly ready: true; readonly fact: string } | { readonly ready: false; readonly plan: string };

/**
 * One part of a node that setup brings about. `inspect` changes nothing and throws when this host cannot have it, so that
 * all steps are inspected before the first one is performed.
 */
export interface SetupStep {
  readonly name: string;
  inspect(setup: Setup): Promise<Finding>;
  /** @returns what is there now */
  perform(setup: Setup): Promise<string>;
}

export function ready(fact: string): Finding {
  return { ready: true, fact };
}

export function wanting(plan: string): Finding {
  return { ready: false, plan };
}
