/** The documentation of all properties, from the tables. `docs/properties.md` is this text; a test holds them equal. */
import { BRANDS, HVM_BRANDS, OS_BRANDS, type Brand } from './brands.ts';
import type { PropertyDefinition, PropertyTable } from './property.ts';
import { COLLECTIONS, TOP_LEVEL } from './tables.ts';
import { describeAccepted } from './values.ts';

const ACTIONS: Readonly<Record<string, string>> = { c: 'create', r: 'receive', u: 'update', a: 'create' };
const APPLIES = { live: 'at once', reboot: 'at the next boot', stop: 'when stopped' } as const;

/** One table for the top level and one for the elements of each collection. */
export function propertiesMarkdown(): string {
  return [
    '# Properties of an instance',
    '',
    'What a payload of `vmadm create` may hold and what `vmadm get` prints. This page is generated from the tables in',
    '`vmadm/payload`: `vmadm help properties` prints it.',
    '',
    section('Instance', TOP_LEVEL),
    ...Object.entries(COLLECTIONS).map(([name, table]) => section(`Elements of \`${name}\``, table)),
  ].join('\n');
}

function section(title: string, table: PropertyTable): string {
  return [
    `## ${title}`,
    '',
    '| property | what it is | accepted | default | brands | given in | an update works |',
    '|---|---|---|---|---|---|---|',
    ...Object.entries(table).map(([name, definition]) => `| ${row(name, definition).join(' | ')} |`),
    '',
  ].join('\n');
}

function row(name: string, definition: PropertyDefinition): string[] {
  const { notes, accepted, fallback, brands, given, applies } = propertyFacts(definition);
  return [`\`${name}\``, notes, accepted, fallback, brands, given, applies].map((cell) => cell.replaceAll('|', '\\|'));
}

/** What documentation says of a property; empty where there is nothing to say. */
export function propertyFacts(definition: PropertyDefinition): Readonly<Record<'notes' | 'accepted' | 'fallback' | 'brands' | 'given' | 'applies', string>> {
  const { summary, deprecated, brands, actions, applies, required } = definition;
  const notes = [summary, ...(deprecated ? ['deprecated'] : []), ...(required ? [`required for ${brandsText(required)}`] : [])];
  return {
    notes: notes.join('; '),
    accepted: definition.type === 'reported' ? '' : describeAccepted(definition),
    fallback: String(definition.defaultText ?? definition.default ?? ''),
    brands: brandsText(brands),
    given: actions === '' ? 'reported only' : [...new Set([...actions].map((letter) => ACTIONS[letter] ?? letter))].join(', '),
    applies: applies ? APPLIES[applies] : '',
  };
}

function brandsText(brands: readonly Brand[]): string {
  if (brands.length === BRANDS.length) return 'all';
  if (brands.join() === OS_BRANDS.join()) return 'zones';
  if (brands.join() === HVM_BRANDS.join()) return 'machines';
  return brands.join(', ');
}
