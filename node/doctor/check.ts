/** `ok`: all there. `limited`: zones run, with less. `missing`: see whether zones need it. */
export type CheckState = 'ok' | 'limited' | 'missing';

export interface Answer {
  readonly state: CheckState;
  /** What was found, for a person. */
  readonly fact: string;
  /** What would close the gap. */
  readonly remedy?: string;
}

/** One thing that a host may be able to do. */
export interface Check {
  readonly name: string;
  /** No zone can run when it is missing. */
  readonly needed?: boolean;
  /** Look, changing nothing that stays. */
  probe(): Promise<Answer>;
}

export type Diagnosis = Answer & { readonly name: string; readonly needed: boolean };

export function ok(fact: string): Answer {
  return { state: 'ok', fact };
}

export function limited(fact: string, remedy: string): Answer {
  return { state: 'limited', fact, remedy };
}

export function missing(fact: string, remedy: string): Answer {
  return { state: 'missing', fact, remedy };
}
