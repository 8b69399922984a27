/** What an update changes in an instance that runs. */
import { join } from 'node:path';
import { writeControls } from '../../../host/cgroup/live-limits.ts';
import type { ControlValue } from '../../../host/cgroup/limits.ts';
import { isErrorCode, isSystemError } from '../../../host/errors/errors.ts';
import { readFileBeneath, writeFileBeneath } from '../../../host/files/beneath.ts';
import type { StepKind } from '../../../host/journal/plan.ts';
import { initPid } from '../../../host/lxc/zone.ts';
import { isMachineRunning } from '../../../host/qemu/process.ts';
import { run } from '../../../host/run/run.ts';
import { zonePath } from '../../brands/zone-config.ts';
import { zoneRuntime } from '../../instance/live.ts';
import { control } from '../../machines/control.ts';
import { machineRuntime } from '../../machines/runtime.ts';
import { readPreviousRecord } from '../../store/records.ts';
import { rangeOf, recordOf, type VmContext } from '../context.ts';
import type { GuestFileChange } from '../guest-files.ts';

type Control = { readonly version: number; readonly file: string; readonly value: string };
type LimitArgs = { readonly group: string; readonly before: readonly Control[]; readonly after: readonly Control[] };

/** Change the limits of a running instance. */
export const setLimits: StepKind<VmContext, LimitArgs> = {
  describe: ({ after }) => `set ${after.map(({ file, value }) => `${file} to ${value}`).join(', ')}`,
  isDone: async () => false,
  perform: ({ group, after }) => writeControls(group, after as readonly ControlValue[]),
  undo: ({ group, before }) => writeControls(group, before as readonly ControlValue[]),
};

type LockArgs = { readonly uuid: string; readonly before: number; readonly after: number };

/** Change how much memory a running zone's init, and what it starts from now on, may lock. In bytes. */
export const setMemoryLock: StepKind<VmContext, LockArgs> = {
  describe: ({ after }) => `let processes lock ${after} bytes`,
  isDone: async () => false,
  perform: ({ uuid, after }, { on }) => limitLocking(on, uuid, after),
  undo: ({ uuid, before }, { on }) => limitLocking(on, uuid, before),
};

type FilesArgs = { readonly uuid: string; readonly key: string; readonly files: ReadonlyArray<GuestFileChange & { readonly [key: string]: string | boolean }> };

/** Carry new names and resolvers into the files of a zone, as far as they are still those that we wrote. */
export const writeGuestFiles: StepKind<VmContext, FilesArgs> = {
  describe: ({ files }) => `write ${files.map(({ path }) => `/${path}`).join(', ')}`,
  isDone: async () => false,
  async perform(args, { on }) {
    for (const file of args.files) await replaceText(on, args, { ...file, from: file.before, to: file.after });
  },
  async undo(args, { on }) {
    for (const file of args.files) await replaceText(on, args, { ...file, from: file.after, to: file.before });
  },
};

type PasswordArgs = { readonly uuid: string };

/** Tell a running machine the VNC password that its record has. */
export const setVncPassword: StepKind<VmContext, PasswordArgs> = {
  describe: () => 'change the password of VNC',
  isDone: async () => false,
  perform: async ({ uuid }, { on }) => changePassword(on, uuid, (await recordOf(on.node, uuid)).vnc_password),
  undo: async ({ uuid }, { on, operation }) => changePassword(on, uuid, (await readPreviousRecord(on.node, uuid, operation))?.vnc_password),
};

/** Have a running machine's screen on the port that its record has. One that is not told sees it a moment later by itself. */
export const setVncPort: StepKind<VmContext, PasswordArgs> = {
  describe: () => 'change the port of VNC',
  isDone: async () => false,
  perform: async ({ uuid }, { on }) => (await import('../../metadata/ensure-service.ts')).serveMetadata(on.node, uuid),
  undo: async () => undefined,
};

async function limitLocking({ node }: VmContext, uuid: string, bytes: number): Promise<void> {
  const pid = await initPid(zoneRuntime(node, uuid));
  if (pid !== undefined) await run(['prlimit', '--pid', String(pid), `--memlock=${bytes}:${bytes}`]);
}

/** Nothing that we write into a guest is longer. */
const MOST_BYTES = 64 * 1024;

async function replaceText({ node }: VmContext, { uuid, key }: FilesArgs, file: GuestFileChange & { readonly from: string; readonly to: string }): Promise<void> {
  const root = join(zonePath(node, { uuid }), 'root');
  if (!file.ours && (await textOf(root, file.path)) !== file.from) return;
  const id = node.idmappedMounts ? 0 : (await rangeOf(node, key)).first;
  await writeFileBeneath(root, file.path, file.to, { uid: id, gid: id, mode: 0o644 });
}

/** Undefined also for what a guest has put there in the place of a small file: then it is not ours any more. */
async function textOf(root: string, path: string): Promise<string | undefined> {
  try {
    return await readFileBeneath(root, path, MOST_BYTES);
  } catch (error) {
    if (isErrorCode(error, 'UnsafePath') || isSystemError(error, 'ELOOP', 'ENXIO')) return undefined;
    throw error;
  }
}

async function changePassword({ node }: VmContext, uuid: string, password: string | undefined): Promise<void> {
  if (password === undefined || !(await isMachineRunning(machineRuntime(node, uuid)))) return;
  await control(node, uuid, (qmp) => qmp.execute('set_password', { protocol: 'vnc', password }));
}
