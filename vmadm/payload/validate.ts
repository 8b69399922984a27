/** Validation of a payload against the property tables (reference §2.2): what `vmadm validate` reports. */
import type { Payload } from '../engine.ts';
import type { Brand } from './brands.ts';
import type { PayloadFacts } from './facts.ts';
import { newFindings, type Findings, type ValidationResult } from './findings.ts';
import { checkDisks } from './validate-disks.ts';
import { checkRootImage } from './validate-images.ts';
import type { CollectionName, PropertyDefinition, PropertyTable } from './property.ts';
import { nearestName } from './suggest.ts';
import { COLLECTIONS, definitionOf, TOP_LEVEL } from './tables.ts';
import { acceptsValue, describeAccepted, isPlainObject, isUnset } from './values.ts';

export type PayloadAction = 'create' | 'receive' | 'update';

/**
 * Check a payload. Nothing is thrown for a bad one: every problem is in the result.
 * Attributes of elements are named with `*` (`nics.*.mtu`), problems of one element with its index (`disks.0.image_uuid`).
 */
export async function validatePayload(action: PayloadAction, brand: Brand, payload: Payload, facts: PayloadFacts): Promise<ValidationResult> {
  const findings = newFindings();
  checkTopLevel({ action, brand, payload, findings });
  await checkPools(payload, facts, findings);
  if (action !== 'update') await checkRootImage(payload, facts, findings);
  await checkDisks({ brand, payload, facts, findings });
  return findings.result();
}

/** A line for each property of a payload that means nothing for this action and brand: they are dropped (reference §2.2). */
export function warningsFor(action: PayloadAction, brand: Brand, payload: Payload): readonly string[] {
  const findings = newFindings();
  checkTopLevel({ action, brand, payload, findings });
  return findings.result().warnings;
}

/** Whether a payload of this action and brand may have a property. */
export function isAllowed(definition: PropertyDefinition | undefined, letter: string, brand: Brand): definition is PropertyDefinition {
  return definition !== undefined && definition.actions.includes(letter) && definition.brands.includes(brand);
}

/** The letter of an action in the top-level table; for an element of a collection see `elementLetter`. */
export function actionLetter(action: PayloadAction): string {
  return action.charAt(0);
}

/** `update_nics` changes elements, every other name adds them. A received element may have what it was sent with. */
export function elementLetter(action: PayloadAction, name: string): string {
  return name.startsWith('update_') ? 'u' : action === 'receive' ? 'ar' : 'a';
}

interface Subject {
  readonly action: PayloadAction;
  readonly brand: Brand;
  readonly payload: Payload;
  readonly findings: Findings;
}

function checkTopLevel(subject: Subject): void {
  const { action, brand, payload, findings } = subject;
  for (const [name, value] of Object.entries(payload)) {
    const definition = definitionOf(TOP_LEVEL, name);
    if (!isAllowed(definition, actionLetter(action), brand)) {
      findings.badProperty(name, explainDropped({ name, definition, table: TOP_LEVEL, action, brand }));
    } else if (!acceptsValue(definition, value) && !(action === 'update' && name === 'bootrom' && isPath(value))) {
      findings.badValue(name, value, describeAccepted(definition));
    } else if (definition.elements) {
      checkElements(subject, name, definition.elements, value as readonly Payload[]);
    }
  }
  if (action !== 'update') checkRequired(brand, payload, findings);
}

/** An update may name a firmware file (reference §2.7, bootrom). */
function isPath(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('/');
}

function checkRequired(brand: Brand, payload: Payload, findings: Findings): void {
  for (const [name, { required }] of Object.entries(TOP_LEVEL)) {
    if (!required?.includes(brand) || !isUnset(own(payload, name))) continue;
    if (name === 'image_uuid' && !isUnset(own(payload, 'dataset_uuid'))) continue;
    findings.missing(name);
  }
}

function checkElements({ action, brand, findings }: Subject, name: string, collection: CollectionName, elements: readonly Payload[]): void {
  const table = COLLECTIONS[collection];
  const letters = elementLetter(action, name);
  const updating = letters === 'u';
  for (const [index, element] of elements.entries()) {
    for (const [attribute, value] of Object.entries(element)) {
      const definition = definitionOf(table, attribute);
      const listed = `${collection}.*.${attribute}`;
      if (!definition || ![...letters].some((letter) => isAllowed(definition, letter, brand))) {
        findings.badProperty(listed, explainDropped({ name: attribute, definition, table, action, brand }));
      } else if (!(updating && isUnset(value)) && !acceptsValue(definition, value)) {
        const named = collection === 'pci_devices' ? `${name}.${index}.${attribute}` : listed;
        findings.badValue(named, value, describeAccepted(definition));
      }
    }
    if (!updating) checkElementRequired(brand, element, `${name}.${index}`, collection, findings);
  }
}

function checkElementRequired(brand: Brand, element: Payload, name: string, collection: CollectionName, findings: Findings): void {
  for (const [attribute, { required }] of Object.entries(COLLECTIONS[collection])) {
    if (required?.includes(brand) && isUnset(own(element, attribute))) findings.missing(`${name}.${attribute}`);
  }
}

async function checkPools(payload: Payload, facts: PayloadFacts, findings: Findings): Promise<void> {
  for (const name of ['zpool', 'zfs_storage_pool_name']) {
    const pool = own(payload, name);
    if (typeof pool === 'string' && !(await facts.poolExists(pool))) findings.badValue(name, pool, 'the name of a pool of this node');
  }
}

interface Dropped {
  readonly name: string;
  readonly definition: PropertyDefinition | undefined;
  readonly table: PropertyTable;
  readonly action: PayloadAction;
  readonly brand: Brand;
}

function explainDropped({ name, definition, table, action, brand }: Dropped): string {
  if (!definition) {
    const meant = nearestName(name, Object.keys(table));
    return `there is no such property${meant === undefined ? '' : ` (did you mean ${meant}?)`}; it is ignored`;
  }
  if (definition.actions === '') return 'it is reported, not set; it is ignored';
  if (!definition.brands.includes(brand)) return `brand ${brand} does not have it; it is ignored`;
  return `it cannot be given in ${action}; it is ignored`;
}

function own(payload: Payload, name: string): unknown {
  return isPlainObject(payload) && Object.hasOwn(payload, name) ? payload[name] : undefined;
}
