import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

const UNIT = /^[A-Za-z0-9_][A-Za-z0-9_.:@-]*\.(service|timer|socket|path|mount)$/;

/**
 * Let init start the units of `/opt/custom/systemd`, as SmartOS does with the manifests of `/opt/custom/smf`: they go with /opt
 * and need not be enabled. Init reads the links when it starts.
 * @param units where init looks: `/run/systemd/system`
 */
export async function linkCustomUnits({ custom, units }: { readonly custom: string; readonly units: string }): Promise<void> {
  if (!existsSync(custom)) return;
  const wanted = join(units, 'multi-user.target.wants');
  await mkdir(wanted, { recursive: true, mode: 0o755 });
  for (const name of (await readdir(custom)).filter((file) => UNIT.test(file))) {
    await link(join(custom, name), join(units, name));
    // A template has no instance to start.
    if (!name.includes('@.')) await link(join('..', name), join(wanted, name));
  }
}

async function link(target: string, path: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}
