/** The properties by which VMs are filtered, sorted and compared in predicates (control-plane §3.4), and what they are in SQL. */
import { SHOWN_STATE_SQL } from './vm-row.ts';

export interface VmField {
  readonly sql: string;
  readonly type: 'text' | 'uuid' | 'number' | 'boolean';
}

const text = (name: string): VmField => ({ sql: `vms.vm ->> '${name}'`, type: 'text' });
const number = (name: string): VmField => ({ sql: `CASE WHEN jsonb_typeof(vms.vm -> '${name}') = 'number' THEN (vms.vm -> '${name}')::numeric END`, type: 'number' });
const boolean = (name: string): VmField => ({ sql: `coalesce(vms.vm -> '${name}' = 'true'::jsonb, false)`, type: 'boolean' });
const column = (name: string, type: VmField['type'] = 'text'): VmField => ({ sql: `vms.${name}`, type });

export const VM_FIELDS: Readonly<Record<string, VmField>> = {
  uuid: column('uuid', 'uuid'),
  server_uuid: column('server_uuid', 'uuid'),
  owner_uuid: column('owner_uuid'),
  alias: column('alias'),
  brand: column('brand'),
  state: { sql: SHOWN_STATE_SQL, type: 'text' },
  image_uuid: column('image_uuid'),
  billing_id: column('billing_id'),
  create_timestamp: column('create_timestamp'),
  ram: column('ram', 'number'),
  zone_state: text('zone_state'),
  hostname: text('hostname'),
  package_name: text('package_name'),
  package_version: text('package_version'),
  last_modified: text('last_modified'),
  max_physical_memory: number('max_physical_memory'),
  quota: number('quota'),
  cpu_cap: number('cpu_cap'),
  vcpus: number('vcpus'),
  docker: boolean('docker'),
  firewall_enabled: boolean('firewall_enabled'),
  autoboot: boolean('autoboot'),
};

/** A field by its name on the wire; undefined when there is none. */
export function vmField(name: string): VmField | undefined {
  return Object.hasOwn(VM_FIELDS, name) ? VM_FIELDS[name] : undefined;
}

/** A field's value from the wire as the parameter of a query; undefined when it is not one of the field's type. */
export function fieldValue({ type }: VmField, value: unknown): string | number | boolean | undefined {
  switch (type) {
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : typeof value === 'string' && /^-?\d{1,15}(\.\d{1,6})?$/.test(value) ? Number(value) : undefined;
    case 'boolean':
      return value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined;
    case 'uuid':
      return typeof value === 'string' && UUID.test(value) ? value.toLowerCase() : undefined;
    default:
      return (typeof value === 'string' || typeof value === 'number') && !String(value).includes('\0') ? String(value) : undefined;
  }
}

const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
