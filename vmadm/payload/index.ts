/** What the rest of vmadm uses of payloads. */
export { validatePayload, warningsFor, type PayloadAction } from './validate.ts';
export type { ValidationResult } from './findings.ts';
export { applyUpdate, type Change, type UpdatedVm, type UpdateSurroundings } from './update.ts';
export { preparePayload, brandOfPayload, type PreparedVm } from './prepare.ts';
export { toVmObject, type LiveFacts } from './vm-object.ts';
export type { ImageFacts, NewIds, PayloadFacts } from './facts.ts';
export type { DiskRecord, FilesystemRecord, NicRecord, PciDeviceRecord, VmRecord } from './record.ts';
export type { Brand } from './brands.ts';
