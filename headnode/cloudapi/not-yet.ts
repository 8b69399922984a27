/** Parts of CloudAPI that clients may ask for and that are not there: they are told so, not that the thing is unknown. */
import { headErrors } from '../errors.ts';
import type { App } from '../http/app.ts';

const MISSING: Readonly<Record<string, string>> = {
  changefeed: 'the change feed',
  config: 'choosing default networks',
  fabrics: 'fabric networking',
  fwrules: 'having firewall rules',
  limits: 'limiting accounts',
  migrations: 'migrating machines',
  policies: 'access control by policies',
  roles: 'access control by roles',
  users: 'access control by sub-users',
  volumes: 'having volumes',
};

const MISSING_OF_MACHINES: Readonly<Record<string, string>> = { fwrules: 'having firewall rules', migrate: 'migrating machines', vnc: 'the VNC console' };

export function routeNotYet(app: App): void {
  for (const [path, what] of Object.entries(MISSING)) refuse(app, [`/:account/${path}`, `/:account/${path}/*`], what);
  for (const [path, what] of Object.entries(MISSING_OF_MACHINES)) refuse(app, [`/:account/machines/:machine/${path}`, `/:account/machines/:machine/${path}/*`], what);
}

function refuse(app: App, paths: readonly string[], what: string): void {
  for (const path of paths) {
    app.all(path, async () => {
      throw headErrors.NotSupported({ what });
    });
  }
}
