import { defineErrors } from '../../host/errors/errors.ts';
import { InvalidFields, type FieldError } from '../http/invalid-fields.ts';

/** Errors of IMGAPI (reference/imgadm §3.1); where other APIs have the same code, IMGAPI's status is another. */
export const imageErrors = defineErrors({
  ResourceNotFound: { message: 'image {uuid} was not found', status: 404 },
  ImageUuidAlreadyExists: { message: 'image {uuid} exists already', status: 409 },
  ImageFilesImmutable: { message: 'the file of image {uuid} cannot be changed: the image has been activated', status: 422, hint: 'Publish it under a new uuid and a higher version.' },
  ImageAlreadyActivated: { message: 'image {uuid} has been activated already', status: 422 },
  NoActivationNoFile: { message: 'image {uuid} cannot be activated: it has no file', status: 422, hint: 'Upload its file first.' },
  NotImageOwner: { message: 'account {account} is not the owner of image {uuid}', status: 422 },
  OriginDoesNotExist: { message: 'origin image {uuid} does not exist', status: 422, hint: 'Publish or import the origin image first.' },
  OriginIsNotActive: { message: 'origin image {uuid} is not active', status: 422 },
  ImageHasDependentImages: { message: 'image {uuid} is the origin of {dependents}', status: 422, hint: 'Delete those first.' },
  InvalidParameter: { message: '{reason}', status: 422 },
  Upload: { message: 'the file of image {uuid} was not taken: {reason}', status: 400 },
  ImageFileTooBig: { message: 'the file of image {uuid} has more than {limit} bytes', status: 400 },
  NotImplemented: { message: '{what} is not implemented', status: 400 },
  StorageIsFull: { message: 'there is no room for an image file of {size} bytes', status: 507 },
  FileIsMissing: { message: 'the file of image {uuid} is on no head node that answers', status: 503, hint: 'It is back when the head node that has it is.' },
  RequestedRangeNotSatisfiable: { message: 'the file of image {uuid} has {size} bytes and not the range that was asked for', status: 416 },
});

/** What is wrong with a manifest, field by field. */
export class InvalidManifestFields extends InvalidFields {
  override readonly httpStatus: number = 422;

  constructor(errors: readonly FieldError[]) {
    super('ValidationFailed', errors);
  }
}
