import type { StepKinds } from '../../../host/journal/plan.ts';
import type { VmContext } from '../context.ts';
import * as dataset from './dataset.ts';
import { createDisk, destroyDisk } from './disk.ts';
import { claim, release } from './ids.ts';
import * as live from './live.ts';
import * as machine from './machine.ts';
import { publish, remove, replace, setAutoboot } from './record.ts';
import { clone, destroy, prepare, prepareOrigin } from './root.ts';
import { reboot, shutDown, start } from './zone.ts';

/** Every kind of step in an instance's lifecycle, by the name that journals carry: names stay, whatever the code becomes. */
export const vmSteps = {
  'vm.record.publish': publish,
  'vm.record.replace': replace,
  'vm.record.remove': remove,
  'vm.autoboot.set': setAutoboot,
  'vm.ids.claim': claim,
  'vm.ids.release': release,
  'vm.origin.prepare': prepareOrigin,
  'vm.root.clone': clone,
  'vm.root.prepare': prepare,
  'vm.root.set': dataset.setRoot,
  'vm.root.hold': dataset.holdRoot,
  'vm.root.destroy': destroy,
  'vm.zone.start': start,
  'vm.zone.shutdown': shutDown,
  'vm.zone.reboot': reboot,
  'vm.machine.root': machine.createRoot,
  'vm.machine.start': machine.start,
  'vm.machine.shutdown': machine.shutDown,
  'vm.machine.reset': machine.reset,
  'vm.disk.create': createDisk,
  'vm.disk.store': dataset.storeDisk,
  'vm.disk.resize': dataset.resizeDisk,
  'vm.disk.destroy': destroyDisk,
  'vm.limits.set': live.setLimits,
  'vm.memlock.set': live.setMemoryLock,
  'vm.guest.files': live.writeGuestFiles,
  'vm.machine.vnc-password': live.setVncPassword,
  'vm.machine.vnc-port': live.setVncPort,
} satisfies StepKinds<VmContext>;
