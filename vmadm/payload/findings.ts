/** What a validation found, in the three lists of reference §2.2, with an explanation of each for people. */
export interface ValidationResult {
  readonly bad_values: readonly string[];
  readonly bad_properties: readonly string[];
  readonly missing_properties: readonly string[];
  /** One line for each bad value and missing property; for terminals only. */
  readonly details: readonly string[];
  /** One line for each bad property: what create and update say when they drop it. */
  readonly warnings: readonly string[];
}

export interface Findings {
  badValue(name: string, value: unknown, accepted: string): void;
  badProperty(name: string, explanation: string): void;
  missing(name: string): void;
  result(): ValidationResult;
}

/** Collect findings; each name is listed once. */
export function newFindings(): Findings {
  const bad_values = new Set<string>();
  const bad_properties = new Set<string>();
  const missing_properties = new Set<string>();
  const details = new Set<string>();
  const warnings = new Set<string>();
  return {
    badValue(name, value, accepted) {
      bad_values.add(name);
      details.add(`${showName(name)}: ${showValue(value)} is not accepted; it must be ${accepted}`);
    },
    badProperty(name, explanation) {
      bad_properties.add(name);
      warnings.add(`${showName(name)}: ${explanation}`);
    },
    missing(name) {
      missing_properties.add(name);
      details.add(`${name}: missing`);
    },
    result: () => ({
      bad_values: [...bad_values],
      bad_properties: [...bad_properties],
      missing_properties: [...missing_properties],
      details: [...details],
      warnings: [...warnings],
    }),
  };
}

/** A name as a terminal may show it. */
function showName(name: string): string {
  return /^[\w.*-]{1,64}$/.test(name) ? name : showValue(name);
}

const LONGEST = 60;

/** A value as a terminal may show it: on one line, short, nothing in it that the terminal obeys. */
export function showValue(value: unknown): string {
  const json = showJson(value);
  return json.length > LONGEST ? `${json.slice(0, LONGEST)}… (${json.length} characters)` : json;
}

/** A value as JSON, whole, with nothing in it that a terminal obeys. */
export function showJson(value: unknown): string {
  const json = JSON.stringify(value) ?? 'undefined';
  return json.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, '0')}`);
}
