/** What follows from `docker: true` (reference §3.6). */
import type { FlatObject } from './property.ts';

const NAMESPACE = 'docker';

/** Properties that a docker instance has besides those of its payload. */
export function dockerProperties(uuid: string, metadata: FlatObject, namespaces: readonly string[] | undefined) {
  const id = uuid.replaceAll('-', '');
  return {
    restart_init: false,
    internal_metadata: { 'docker:id': `${id}${id}`, ...metadata },
    internal_metadata_namespaces: [...new Set([...(namespaces ?? []), NAMESPACE])],
  };
}

/** What `get` shows of a docker instance and is not stored. */
export function dockerReport(metadata: FlatObject): Readonly<Record<string, unknown>> {
  const tty = String(metadata['docker:tty']) === 'true';
  const driver = metadata['docker:logdriver'];
  if (driver === undefined) return {};
  const mode = `${driver === 'none' ? '-' : 'g'}${tty ? 't' : '-'}${driver === 'none' || driver === 'json-file' ? '-' : 'n'}`;
  return { zlog_mode: mode, ...(mode.endsWith('n') && { app_svc_dependent: true }) };
}
