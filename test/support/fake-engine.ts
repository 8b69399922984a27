/**
 * An engine without a node, for tests of the command line: instances are records in memory, running is a flag. Payloads go
 * through the real rules.
 */
import { vmUuid } from '../../host/config/units.ts';
import type { Plan } from '../../host/journal/plan.ts';
import type { Engine, VmObject } from '../../vmadm/engine.ts';
import { vmErrors } from '../../vmadm/errors.ts';
import { applyUpdate, preparePayload, toVmObject, validatePayload, type VmRecord } from '../../vmadm/payload/index.ts';
import { FACTS, LIVE, RUNNING } from './payload-facts.ts';

export interface FakeEngine extends Engine {
  /** What was asked, in order: `stop {"force":true}`. */
  readonly calls: string[];
}

export function fakeEngine(seed: readonly VmRecord[] = []): FakeEngine {
  const records = new Map(seed.map((record) => [record.uuid, record]));
  const running = new Set<string>();
  const calls: string[] = [];
  const find = (uuid: string): VmRecord => {
    const record = records.get(uuid);
    if (!record) throw vmErrors.NoSuchVm({ uuid });
    return record;
  };
  const show = (record: VmRecord): VmObject => toVmObject(record, running.has(record.uuid) ? RUNNING : LIVE);
  const stateOf = (uuid: string): string => (running.has(find(uuid).uuid) ? 'running' : 'stopped');
  return {
    calls,
    async create(payload) {
      const { record } = await preparePayload(payload, FACTS, [...records.values()]);
      records.set(record.uuid, record);
      if (record.autoboot) running.add(record.uuid);
      return vmUuid(record.uuid);
    },
    async planCreate(payload) {
      await preparePayload(payload, FACTS, [...records.values()]);
      return { plan: {} as Plan, lines: ['clone image', 'boot'] };
    },
    async update(uuid, payload) {
      const record = find(uuid);
      const live = running.has(uuid) ? RUNNING : LIVE;
      const updated = await applyUpdate(record, payload, { facts: FACTS, others: [...records.values()], live });
      records.set(uuid, updated.record);
      const pending = running.has(uuid) ? updated.changes.filter(({ applies }) => applies === 'reboot').map(({ property }) => property) : [];
      return { pending, warnings: updated.warnings };
    },
    async planUpdate(uuid, payload) {
      calls.push(`planUpdate ${JSON.stringify(payload)}`);
      find(uuid);
      return { plan: {} as Plan, lines: ['record the new properties'] };
    },
    validate: (action, brand, payload) => validatePayload(action, brand, payload, FACTS),
    async sysrq(uuid, type) {
      calls.push(`sysrq ${type}`);
      const state = stateOf(uuid);
      if (state !== 'running') throw vmErrors.SysrqNeedsRunning({ type, state });
    },
    get: async (uuid) => show(find(uuid)),
    list: async () => [...records.values()].map(show),
    async start(uuid, options) {
      if (Object.keys(options ?? {}).length > 0) calls.push(`start ${JSON.stringify(options)}`);
      if (stateOf(uuid) === 'running') return 'already';
      running.add(uuid);
      return 'done';
    },
    async stop(uuid, options) {
      calls.push(`stop ${JSON.stringify(options)}`);
      const was = stateOf(uuid);
      return { was, outcome: running.delete(uuid) ? 'done' : 'already' };
    },
    async reboot(uuid, options) {
      calls.push(`reboot ${JSON.stringify(options)}`);
      const state = stateOf(uuid);
      if (state !== 'running') throw vmErrors.CannotReboot({ state });
    },
    async delete(uuid) {
      if (find(uuid).indestructible_zoneroot) throw vmErrors.IndestructibleZoneroot();
      records.delete(uuid);
    },
    async kill(uuid, signal) {
      if (stateOf(uuid) !== 'running') throw vmErrors.NoInit({ uuid });
      return `SIG${signal.replace(/^SIG/, '').replace(/^9$/, 'KILL')}`;
    },
    async info(uuid, types) {
      calls.push(`info ${types.join()}`);
      const state = stateOf(uuid);
      if (state !== 'running') throw vmErrors.InfoNeedsRunning({ state });
      return { vnc: { port: 5900 } };
    },
    async consoleCommand(uuid) {
      const state = stateOf(uuid);
      if (state !== 'running') throw vmErrors.ConsoleNeedsRunning({ state });
      return ['console', uuid];
    },
  };
}
