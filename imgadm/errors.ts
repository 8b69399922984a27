import { defineErrors } from '../host/errors/errors.ts';

/** Errors of imgadm: codes, messages and exit statuses of reference/imgadm.md §1.8, and our own at the end. */
export const imgadmErrors = defineErrors({
  Usage: { message: '{problem}' },
  Option: { message: '{problem}' },
  UnknownCommand: { message: 'unknown command: "{command}"', hint: 'Run `imgadm help` for the list of commands.' },
  NotRoot: { message: 'cannot run: {reason}', exit: 2 },
  NotSupported: { message: '{what} is not supported by this version' },
  InvalidUUID: { message: 'invalid uuid: "{uuid}"' },
  ImageNotInstalled: { message: 'image "{uuid}" was not found on zpool "{zpool}"', exit: 3 },
  OriginNotInstalled: { message: 'origin image "{uuid}" was not found on zpool "{zpool}"', exit: 3, hint: 'Install the origin image first.' },
  ImageNotFound: { message: 'an active image "{uuid}" was not found in image sources' },
  ImageHasDependentClones: { message: 'image "{uuid}" has dependent clones: {clones}', hint: 'Delete the instances and images that stand on it first.' },
  InvalidManifest: { message: 'manifest is invalid: {reason}' },
  ManifestValidation: { message: 'invalid manifest: {fields}' },
  DownloadError: { message: '{reason}', hint: 'The file is damaged or belongs to another manifest. Nothing was installed.' },
  UncompressionError: { message: '{compression} uncompression error while importing: {reason}' },
  UnexpectedNumberOfSnapshots: { message: 'image "{uuid}" has an unexpected number of snapshots: {count} instead of 1' },
  FileSystem: { message: 'cannot read {path}: {reason}' },
  ImageUuidAlreadyExists: { message: 'uuid "{uuid}" is taken: dataset {dataset} exists and is not an image' },
  ImageFileInvalid: { message: 'image file cannot be used: {reason}' },
  UnsafeArchive: { message: 'refusing the image file because of entry "{entry}": {reason}' },
  ImageTooBig: { message: 'refusing the image file: {reason}' },
  InsufficientSpace: { message: 'not enough space on zpool "{zpool}": {reason}', hint: 'Free space, for instance with `imgadm delete` or by deleting instances and snapshots.' },
  ImageUnusable: { message: 'image "{uuid}" cannot be used: {reason}' },
});
