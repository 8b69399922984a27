import { constants } from 'node:fs';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../../host/config/node-config.ts';
import { zonePath } from '../brands/zone-config.ts';
import type { Sysrq } from '../engine.ts';
import { vmErrors } from '../errors.ts';
import { stateOf, viewHost } from '../instance/state.ts';
import { control } from '../machines/control.ts';
import { machineRuntime } from '../machines/runtime.ts';
import type { VmRecord } from '../payload/index.ts';
import { isMachine, recordOf } from './context.ts';

/** Send a running machine an NMI, or take its picture. Reference §1.2. @throws SysrqNotSupported, SysrqNeedsRunning, QmpFailed */
export async function sysrqVm(node: Node, uuid: string, type: Sysrq): Promise<void> {
  const record = await recordOf(node, uuid);
  if (!isMachine(record)) throw vmErrors.SysrqNotSupported({ type, brand: record.brand });
  const { state } = await stateOf(node, record, await viewHost(node));
  if (state !== 'running') throw vmErrors.SysrqNeedsRunning({ type, state });
  if (type === 'nmi') await control(node, uuid, (qmp) => qmp.execute('inject-nmi'));
  else await takePicture(node, record);
}

const NAME = 'vm.ppm';
/** More than any screen has: what wrote it may be a guest that broke into QEMU. */
const MOST_BYTES = 256 * 1024 * 1024;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** QEMU writes where its jail lets it, and the picture is copied from there, whatever lies at that place by then. */
async function takePicture(node: Node, record: VmRecord): Promise<void> {
  const shared = join(machineRuntime(node, record.uuid).directory, 'sockets', NAME);
  await control(node, record.uuid, (qmp) => qmp.execute('screendump', { filename: `/machine/sockets/${NAME}` }));
  try {
    const picture = await open(shared, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      await copyPicture(picture, join(zonePath(node, record), 'root', 'tmp'));
    } finally {
      await picture.close();
    }
  } finally {
    await rm(shared, { force: true });
  }
}

async function copyPicture(picture: FileHandle, directory: string): Promise<void> {
  const stats = await picture.stat();
  if (!stats.isFile() || stats.size > MOST_BYTES) throw vmErrors.PictureRefused({ bytes: stats.size });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `.${NAME}.tmp`);
  const target = await open(temporary, 'w', 0o600);
  try {
    // No further than it was long: its writer may go on.
    for await (const chunk of picture.createReadStream({ autoClose: false, start: 0, end: Math.max(0, stats.size - 1) })) await target.writeFile(chunk as Buffer);
  } finally {
    await target.close();
  }
  await rename(temporary, join(directory, NAME));
}
