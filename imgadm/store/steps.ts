import type { StepKinds } from '../../host/journal/plan.ts';
import type { ImageContext } from './context.ts';
import { destroyStep, dropShiftedStep, forgetStep } from './steps-delete.ts';
import { convertStep, createVolumeStep, stageStep, unstageStep, writeDiskStep } from './steps-disk.ts';
import { adoptStep, createStep, receiveStep, recordStep, snapshotStep, unpackStep } from './steps-install.ts';

/** Every kind of step that plans of imgadm have. */
export const imageStepKinds: StepKinds<ImageContext> = {
  'image.create': createStep,
  'image.unpack': unpackStep,
  'image.receive': receiveStep,
  'image.createVolume': createVolumeStep,
  'image.writeDisk': writeDiskStep,
  'image.stage': stageStep,
  'image.convert': convertStep,
  'image.unstage': unstageStep,
  'image.snapshot': snapshotStep,
  'image.adopt': adoptStep,
  'image.record': recordStep,
  'image.dropShifted': dropShiftedStep,
  'image.destroy': destroyStep,
  'image.forget': forgetStep,
};
