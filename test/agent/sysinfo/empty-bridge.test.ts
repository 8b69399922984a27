import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { networkFacts } from '../../../agent/sysinfo/networks.ts';

/** As Linux shows a bridge in /sys/class/net. */
async function bridge(sys: string, name: string, { flags, ports }: { flags: string; ports: readonly string[] }): Promise<void> {
  const path = join(sys, 'class/net', name);
  await mkdir(join(path, 'bridge'), { recursive: true });
  await mkdir(join(path, 'brif'), { recursive: true });
  for (const [file, text] of Object.entries({ address: '02:00:00:00:00:01', operstate: 'down', flags, 'bridge/vlan_filtering': '0', ...Object.fromEntries(ports.map((port) => [`brif/${port}`, ''])) })) {
    await writeFile(join(path, file), `${text}\n`);
  }
}

test('the link of a bridge without ports is up when the bridge is: a network of this node alone has no carrier while no guest is on it', async () => {
  const sys = await mkdtemp(join(tmpdir(), 'zonewright-sys-'));
  try {
    await bridge(sys, 'empty', { flags: '0x1003', ports: [] });
    await bridge(sys, 'off', { flags: '0x1002', ports: [] });
    await bridge(sys, 'cut', { flags: '0x1003', ports: ['tap0'] });
    const { 'Network Interfaces': interfaces } = await networkFacts({ admin: { bridge: 'empty' }, backend: { bridge: 'off' }, storage: { bridge: 'cut' } }, sys);
    const links = Object.fromEntries(Object.entries(interfaces ?? {}).map(([name, one]) => [name, one['Link Status']]));
    assert.deepEqual(links, { empty: 'up', off: 'down', cut: 'down' });
  } finally {
    await rm(sys, { recursive: true, force: true });
  }
});
