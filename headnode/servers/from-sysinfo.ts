import type { Sysinfo } from '../../agent/wire/index.ts';
import type { WireObject } from '../services.ts';

/** What CNAPI takes over from a sysinfo document into the server's record (control-plane §2.2). */
export interface SysinfoFacts {
  readonly hostname: string;
  readonly setup: boolean;
  readonly headnode: boolean;
  readonly lastBoot: Date | null;
  readonly created: Date | null;
  /** Fields of the record, by the names of the wire. */
  readonly record: WireObject;
}

export function factsOf(sysinfo: Sysinfo): SysinfoFacts {
  const boot = sysinfo['Boot Parameters'] ?? {};
  return {
    hostname: sysinfo.Hostname ?? sysinfo.UUID,
    setup: String(sysinfo.Setup) === 'true',
    headnode: String(boot['headnode']) === 'true',
    lastBoot: fromEpoch(sysinfo['Boot Time']),
    created: fromEpoch(sysinfo['Zpool Creation']),
    record: withoutHoles({
      current_platform: sysinfo['Live Image'],
      datacenter: sysinfo['Datacenter Name'],
      system_type: sysinfo['System Type'],
      ram: sysinfo['MiB of Memory'] === undefined ? undefined : Number(sysinfo['MiB of Memory']),
    }),
  };
}

function fromEpoch(seconds: string | number | undefined): Date | null {
  const value = Number(seconds ?? Number.NaN);
  return Number.isFinite(value) && value > 0 && value < 1e11 ? new Date(value * 1000) : null;
}

function withoutHoles(fields: Readonly<Record<string, unknown>>): WireObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
