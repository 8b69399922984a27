/** What VMAPI's routes have in common. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { headErrors } from '../errors.ts';
import { booleanParam, uuidParam } from '../http/params.ts';
import type { Jobs, Vm, WireObject } from '../services.ts';
import type { OpenVms } from './open-vms.ts';

export interface VmRoutes {
  readonly vms: OpenVms;
  readonly jobs: Jobs;
}

export const vmParams = z.object({ vm: uuidParam });
const changeSchema = z.looseObject({ owner_uuid: uuidParam.optional(), sync: booleanParam.optional() });

/** How long a job is waited for at most when a caller asks to (`sync=true`). */
const SYNC_SECONDS = 3600;

/** A VM of another owner is not there. @returns whether the caller wants to wait for the job */
export async function forOwner(vms: OpenVms, request: FastifyRequest, uuid: string): Promise<boolean | undefined> {
  const { owner_uuid: ownerUuid, sync } = changeSchema.parse(request.query);
  await vms.require(uuid, ownerUuid);
  return sync;
}

export interface Answering {
  readonly services: VmRoutes;
  readonly sync: boolean | undefined;
  readonly started: { readonly vm_uuid: string; readonly job_uuid: string };
}

/** 202 with the job, at once or when it has ended. `workflow-api` says where the job can be followed. @throws JobFailed */
export async function answerJob(request: FastifyRequest, reply: FastifyReply, { services, sync, started }: Answering): Promise<FastifyReply> {
  reply.header('workflow-api', `${request.protocol}://${request.host}`);
  if (sync) {
    const job = await services.jobs.wait(started.job_uuid, SYNC_SECONDS);
    if (job.execution !== 'succeeded') throw headErrors.JobFailed({ job: job.uuid, reason: String(job['failure'] ?? `it is ${job.execution}`) });
  }
  return reply.status(202).send(started);
}

/** `fields=a,b`; `*` and nothing are all. */
export function onlyFields(vm: Vm, fields: readonly string[] | undefined): WireObject {
  if (!fields || fields.length === 0 || fields.includes('*')) return vm;
  return Object.fromEntries(fields.flatMap((name) => (Object.hasOwn(vm, name) ? [[name, vm[name]]] : [])));
}

export function requireObject(body: unknown): WireObject {
  if (body === undefined || body === null) return {};
  if (typeof body !== 'object' || Array.isArray(body)) throw headErrors.InvalidArgument({ reason: 'the body must be a JSON object' });
  return body as WireObject;
}
