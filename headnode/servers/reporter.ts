import type { ServerReport, WireObject } from '../services.ts';

/**
 * Hand reports to who listens: for each server one after the other, in the order in which they came, and for all servers a
 * few at a time. What comes while an older report of the server still waits is merged into that one.
 */
export interface Reporter {
  listen(listener: (report: ServerReport) => Promise<void>): void;
  /** @returns when it has been taken. A listener that fails is told to `onTrouble`, and hears everything of that server next time. */
  report(report: ServerReport): Promise<void>;
}

const AT_ONCE = 8;

interface Waiting {
  report: ServerReport;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

export function newReporter(onTrouble: (error: unknown) => void): Reporter {
  const listeners: Array<(report: ServerReport) => Promise<void>> = [];
  const waiting = new Map<string, Waiting>();
  const busy = new Set<string>();
  /** Servers whose report before was taken; of others nobody can say what has changed. */
  const taken = new Set<string>();

  const next = (): void => {
    for (const [uuid, one] of waiting) {
      if (busy.size >= AT_ONCE) return;
      if (busy.has(uuid)) continue;
      waiting.delete(uuid);
      busy.add(uuid);
      void deliver(one).finally(() => {
        busy.delete(uuid);
        one.resolve();
        next();
      });
    }
  };
  const deliver = async ({ report }: Waiting): Promise<void> => {
    const { changed, ...all } = report;
    const told = changed !== undefined && taken.has(report.serverUuid) ? report : all;
    try {
      for (const listener of listeners) await listener(told);
      if (report.vms) taken.add(report.serverUuid);
    } catch (error) {
      taken.delete(report.serverUuid);
      onTrouble(error);
    }
  };
  return {
    listen: (listener) => void listeners.push(listener),
    report(report) {
      const older = waiting.get(report.serverUuid);
      const one = older ?? { report, ...Promise.withResolvers<void>() };
      if (older) older.report = merge(older.report, report);
      else waiting.set(report.serverUuid, one);
      next();
      return one.promise;
    },
  };
}

function merge(older: ServerReport, newer: ServerReport): ServerReport {
  const { serverUuid, status } = newer;
  if (!newer.vms) return { ...older, status };
  if (!older.vms) return newer;
  const earlier = older.vms;
  // An older report may have had more properties of an instance than a newer one.
  const vms: Record<string, WireObject> = Object.fromEntries(Object.entries(newer.vms).map(([uuid, vm]) => [uuid, { ...earlier[uuid], ...vm }]));
  const changed = older.changed && newer.changed ? { changed: [...new Set([...older.changed, ...newer.changed])] } : {};
  return { serverUuid, status, vms, ...changed };
}
