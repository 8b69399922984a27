/**
 * What cloud-init in a zone starts from: a NoCloud seed with the same facts that its SmartOS datasource would ask a
 * machine's metadata service for. A zone has no such machine to be recognised by. Reference §5.5, §5.6. Pure.
 */
import type { VmRecord } from '../payload/index.ts';

/** Separates parts whose lines are base64, which never begin with dashes. */
const BOUNDARY = 'zonewright-vendor-data';

/** The files of an instance's seed, by name. */
export function nocloudSeed(record: Pick<VmRecord, 'uuid' | 'hostname' | 'customer_metadata'>): ReadonlyMap<string, string> {
  const own = (key: string): string | undefined => (Object.hasOwn(record.customer_metadata, key) ? String(record.customer_metadata[key]) : undefined);
  const script = own('user-script');
  return new Map([
    ['meta-data', metaData(record, own('root_authorized_keys'))],
    ['user-data', own('cloud-init:user-data') ?? '#cloud-config\n{}\n'],
    // The node sets a zone's addresses and routes from outside.
    ['network-config', own('cloud-init:network-config') ?? 'config: disabled\n'],
    ['vendor-data', vendorDataOf(own('cloud-init:vendor-data'))],
    ...(script === undefined ? [] : [['user-script', script.startsWith('#!') ? script : `#!/bin/sh\n${script}`] as const]),
  ]);
}

/** JSON is YAML in which nothing that a user wrote can be read as structure. */
function metaData({ uuid, hostname }: Pick<VmRecord, 'uuid' | 'hostname'>, keys: string | undefined): string {
  const publicKeys = (keys ?? '').split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  return `${JSON.stringify({ 'instance-id': uuid, 'local-hostname': hostname ?? uuid, ...(publicKeys.length > 0 && { 'public-keys': publicKeys }) })}\n`;
}

/**
 * A user-script runs at every boot, as the metadata has it then: that is what SmartOS promises. Scripts in vendor data run
 * once in an instance's life, before those of each boot, so this one leaves one of the latter behind. It is not in the
 * user's own data, since that is the user's, nor is it configuration, since the user's would replace it.
 */
const RUN_USER_SCRIPT = `#!/bin/sh
set -e
mkdir -p /var/lib/cloud/scripts/per-boot
cat >/var/lib/cloud/scripts/per-boot/user-script <<'END'
#!/bin/sh
script=/var/lib/cloud/seed/nocloud/user-script
[ -e "$script" ] || exit 0
install -m 0700 "$script" /var/lib/cloud/user-script
exec /var/lib/cloud/user-script
END
chmod 0700 /var/lib/cloud/scripts/per-boot/user-script
`;

function vendorDataOf(given: string | undefined): string {
  if (given === undefined) return RUN_USER_SCRIPT;
  // cloud-init tells by its first line what a plain part is.
  const parts = [part('text/plain', 'vendor-data', given), part('text/x-shellscript', 'run-user-script', RUN_USER_SCRIPT)];
  return [`Content-Type: multipart/mixed; boundary="${BOUNDARY}"`, 'MIME-Version: 1.0', '', ...parts, `--${BOUNDARY}--`, ''].join('\n');
}

function part(type: string, name: string, content: string): string {
  const encoded = Buffer.from(content).toString('base64').replace(/.{76}/g, '$&\n');
  return [
    `--${BOUNDARY}`,
    `Content-Type: ${type}; charset="utf-8"`,
    'MIME-Version: 1.0',
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${name}"`,
    '',
    encoded,
    '',
  ].join('\n');
}
