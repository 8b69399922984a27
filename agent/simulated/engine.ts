/**
 * An engine without a host: instances are records in memory and running is a flag. Payloads go through the real rules, so it
 * refuses what a real node refuses, in the same words; the same tests hold both (`test/support/task-contract.ts`).
 */
import { vmUuid } from '../../host/config/units.ts';
import type { Engine, VmObject } from '../../vmadm/engine.ts';
import { vmErrors } from '../../vmadm/errors.ts';
import { applyUpdate, preparePayload, toVmObject, validatePayload, type LiveFacts, type PayloadFacts, type VmRecord } from '../../vmadm/payload/index.ts';

export interface SimulatedEngineOptions {
  readonly serverUuid: string;
  readonly facts: PayloadFacts;
  /** Milliseconds that a change takes. */
  readonly latency: () => Promise<void>;
  onChange(uuid: string): void;
}

interface Instance {
  readonly record: VmRecord;
  /** When it booted; undefined as long as it does not run. */
  readonly bootedAt?: Date | undefined;
}

export function newSimulatedEngine({ serverUuid, facts, latency, onChange }: SimulatedEngineOptions): Engine {
  const instances = new Map<string, Instance>();
  const find = (uuid: string): Instance => {
    const instance = instances.get(uuid);
    if (!instance) throw vmErrors.NoSuchVm({ uuid });
    return instance;
  };
  const live = ({ bootedAt }: Instance): LiveFacts => ({
    state: bootedAt ? 'running' : 'stopped',
    zone_state: bootedAt ? 'running' : 'installed',
    server_uuid: serverUuid,
    platform_buildstamp: '20260101T000000Z',
    pool_mountpoint: '/zones',
    boot_timestamp: bootedAt?.toISOString(),
  });
  const show = (instance: Instance): VmObject => toVmObject(instance.record, live(instance));
  const others = (): VmRecord[] => [...instances.values()].map(({ record }) => record);
  const put = (instance: Instance): void => {
    instances.set(instance.record.uuid, instance);
    onChange(instance.record.uuid);
  };
  const notSimulated = async (): Promise<never> => {
    throw new Error('a simulated node cannot do that');
  };
  return {
    async create(payload) {
      await latency();
      const { record } = await preparePayload(payload, facts, others());
      put({ record, bootedAt: record.autoboot ? new Date() : undefined });
      return vmUuid(record.uuid);
    },
    async update(uuid, payload) {
      await latency();
      const instance = find(uuid);
      const updated = await applyUpdate(instance.record, payload, { facts, others: others(), live: live(instance) });
      put({ ...instance, record: updated.record });
      const pending = instance.bootedAt ? updated.changes.filter(({ applies }) => applies === 'reboot').map(({ property }) => property) : [];
      return { pending, warnings: updated.warnings };
    },
    async start(uuid) {
      const instance = find(uuid);
      if (instance.bootedAt) return 'already';
      await latency();
      put({ record: { ...instance.record, autoboot: true }, bootedAt: new Date() });
      return 'done';
    },
    async stop(uuid) {
      const instance = find(uuid);
      if (!instance.bootedAt) return { was: 'stopped', outcome: 'already' };
      await latency();
      put({ record: { ...instance.record, autoboot: false } });
      return { was: 'running', outcome: 'done' };
    },
    async reboot(uuid) {
      const instance = find(uuid);
      if (!instance.bootedAt) throw vmErrors.CannotReboot({ state: 'stopped' });
      await latency();
      put({ ...instance, bootedAt: new Date() });
    },
    async delete(uuid) {
      const { record } = find(uuid);
      if (record.indestructible_zoneroot) throw vmErrors.IndestructibleZoneroot();
      if (record.indestructible_delegated) throw vmErrors.IndestructibleDelegated();
      await latency();
      instances.delete(uuid);
      onChange(uuid);
    },
    async kill(uuid, signal) {
      if (!find(uuid).bootedAt) throw vmErrors.NoInit({ uuid });
      return `SIG${signal.toUpperCase().replace(/^SIG/, '')}`;
    },
    async info(uuid) {
      const instance = find(uuid);
      if (!instance.bootedAt) throw vmErrors.InfoNeedsRunning({ state: 'stopped' });
      throw vmErrors.NoInfoTypes({ brand: instance.record.brand });
    },
    get: async (uuid) => show(find(uuid)),
    list: async () => [...instances.values()].map(show),
    validate: (action, brand, payload) => validatePayload(action, brand, payload, facts),
    planCreate: notSimulated,
    planUpdate: notSimulated,
    sysrq: notSimulated,
    consoleCommand: notSimulated,
  };
}
