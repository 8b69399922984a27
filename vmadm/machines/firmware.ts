import { existsSync } from 'node:fs';
import { copyFile, chown, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import type { JailedFile } from '../../host/qemu/jail.ts';
import type { Machine } from '../../host/qemu/machine.ts';
import { vmErrors } from '../errors.ts';
import type { VmRecord } from '../payload/index.ts';

/** Where Debian's `ovmf` has the firmware and the template of its variable store. */
const CODE = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const VARIABLES = '/usr/share/OVMF/OVMF_VARS_4M.fd';

/** The firmware of a machine: SeaBIOS by itself, or OVMF with a variable store that is the machine's own. */
export function firmwareOf(node: Node, record: VmRecord): { machine: Machine['firmware']; files: JailedFile[] } {
  if (record.bootrom !== 'uefi') return { machine: { kind: 'bios' }, files: [] };
  const target = '/machine/variables.fd';
  return {
    machine: { kind: 'uefi', code: CODE, variables: target },
    files: [{ source: variablesPath(node, record), target, access: 'write' }],
  };
}

/** Give a UEFI machine its variable store, beside its root, unless it has one. @throws FirmwareMissing */
export async function prepareFirmware(node: Node, record: VmRecord, id: number): Promise<void> {
  if (record.bootrom !== 'uefi') return;
  if (!existsSync(CODE) || !existsSync(VARIABLES)) throw vmErrors.FirmwareMissing();
  const path = variablesPath(node, record);
  if (!existsSync(path)) await copyFile(VARIABLES, path);
  await chown(path, id, id);
  await chmod(path, 0o600);
}

function variablesPath(node: Node, record: VmRecord): string {
  return join(node.mountpoint, record.uuid, 'uefi-variables.fd');
}
