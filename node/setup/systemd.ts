import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readFileIfPresent } from '../../host/files/atomic.ts';
import { ZFS_DAEMON } from '../../host/zfs/daemon.ts';

export const ZFS_UNIT = 'zonewright-zfs.service';
export const NODE_UNIT = 'zonewright-node.service';
export const AGENT_UNIT = 'zonewright-agent.service';
export const GOING_DOWN_UNIT = 'zonewright-going-down.service';
/** Is there when the next start of `NODE_UNIT` has nothing to do. */
export const SET_UP_JUST_NOW = '/run/zonewright/set-up-just-now';
/** Setup's own directory, which comes before that of packages. */
const UNIT_DIRECTORY = '/etc/systemd/system';
export const PACKAGED_UNITS = '/usr/lib/systemd/system';

/** Whether systemd is this host's init. */
export function systemdRuns(): boolean {
  return existsSync('/run/systemd/system');
}

export function isUnitInstalled(name: string): boolean {
  return existsSync(unitPath(name)) || existsSync(join(PACKAGED_UNITS, name));
}

/** The text that systemd goes by; undefined when there is no such unit. */
export async function unitInForce(name: string): Promise<string | undefined> {
  return (await readFileIfPresent(unitPath(name))) ?? (await readFileIfPresent(join(PACKAGED_UNITS, name)));
}

export function unitPath(name: string): string {
  return join(UNIT_DIRECTORY, name);
}

type Unit = Readonly<Record<'Unit' | 'Service' | 'Install', ReadonlyArray<readonly [key: string, value: string]>>>;

/**
 * The daemon, restarted when it dies. It is not told to stop at shutdown before the file systems on it are unmounted, and
 * memory pressure takes anything else first: every zone stands on it.
 */
const zfsDaemonUnit = (environment: Readonly<Record<string, string>>): Unit => ({
  Unit: [
    ['Description', 'ZFS daemon for Zonewright'],
    ['Documentation', 'man:zonewright(8)'],
    ['After', 'local-fs.target'],
    ['Conflicts', 'zfs-fuse.service'],
  ],
  Service: [
    ['Type', 'exec'],
    ...Object.entries(environment).map(([name, value]) => ['Environment', `${name}=${value}`] as const),
    ['ExecStartPre', '/bin/mkdir -p /run/zfs /run/lock/zfs'],
    ['ExecStart', `/usr/sbin/${ZFS_DAEMON.join(' ')} --no-daemon`],
    ['Restart', 'always'],
    ['RestartSec', '1'],
    ['OOMScoreAdjust', '-1000'],
    ['LimitMEMLOCK', 'infinity'],
    ['LimitNOFILE', '65536'],
    ['TimeoutStopSec', '60'],
  ],
  Install: [['WantedBy', `multi-user.target ${NODE_UNIT}`]],
});

/** A platform image has the units before the machine is a node. */
const NODES_ONLY = ['ConditionPathExists', '/etc/zonewright/node.json'] as const;

/**
 * Brings pool and bridges back after a reboot, and after the daemon had to be restarted. It has the same text with and
 * without the daemon, since a package has it before anybody knows: the daemon's unit comes with it where that is enabled.
 */
function nodeUnit(program: string): Unit {
  return {
    Unit: [
      ['Description', 'Zonewright node: pool, networks'],
      ['Documentation', 'man:zonewright(8)'],
      NODES_ONLY,
      // On a RAM-booted host the networks come first, as the boot's own unit brings them up.
      ['After', `local-fs.target network-pre.target zfs-fuse.service zfs.target ${ZFS_UNIT} zonewright-platform.service`],
      ['PartOf', ZFS_UNIT],
    ],
    Service: [
      ['Type', 'oneshot'],
      ['RemainAfterExit', 'yes'],
      // Where a set-up has only just been done it is not done again, which would take as long.
      ['ExecStart', `/bin/sh -c 'rm ${SET_UP_JUST_NOW} 2>/dev/null || exec "${program}" setup'`],
    ],
    Install: [['WantedBy', `multi-user.target ${ZFS_UNIT}`]],
  };
}

/**
 * The agent, restarted when it dies; it boots what shall run with the node. Only its own process is ended with it: zones,
 * machines and programs that still work on an operation are none of the unit's to end.
 */
function agentUnit(program: string): Unit {
  return {
    Unit: [
      ['Description', 'Zonewright agent'],
      ['Documentation', 'man:zonewright(8)'],
      NODES_ONLY,
      ['Requires', NODE_UNIT],
      // What it watches lies in the pool, which comes and goes with the node.
      ['PartOf', NODE_UNIT],
      ['After', NODE_UNIT],
    ],
    Service: [
      ['Type', 'exec'],
      ['ExecStart', `"${program}" agent --stay`],
      ['Restart', 'always'],
      ['RestartSec', '1'],
      ['KillMode', 'process'],
      ['TimeoutStopSec', '90'],
      ['LimitNOFILE', '65536'],
    ],
    Install: [['WantedBy', `multi-user.target ${NODE_UNIT}`]],
  };
}

/**
 * Shuts guests down when the host goes down: systemd stops what it started last first, so that agent, networks and pool are
 * still there. Somebody who stops it by hand has nothing shut down.
 */
function goingDownUnit(program: string): Unit {
  return {
    Unit: [
      ['Description', 'Shut instances down when this host goes down'],
      ['Documentation', 'man:zonewright(8)'],
      NODES_ONLY,
      ['After', `network.target zonewright-platform.service ${NODE_UNIT} ${AGENT_UNIT}`],
    ],
    Service: [
      ['Type', 'oneshot'],
      ['RemainAfterExit', 'yes'],
      ['ExecStart', '/bin/true'],
      ['ExecStop', `-"${program}" platform going-down`],
      // Guests have a minute.
      ['TimeoutStopSec', '90'],
    ],
    Install: [['WantedBy', `multi-user.target ${NODE_UNIT}`]],
  };
}

/**
 * The units that a node needs, by name, as text.
 * @param program the `zonewright` command's path
 * @param daemon the environment of this node's ZFS daemon, when it is one that we supervise
 */
export function unitTexts(program: string, daemon: Readonly<Record<string, string>> | undefined): ReadonlyMap<string, string> {
  // systemd expands % and splits at quotes; a clone in such a place cannot be named in a unit.
  if (!/^[A-Za-z0-9/_.+@-]+$/.test(program)) throw new Error(`cannot name ${JSON.stringify(program)} in a unit`);
  const units: Array<[string, string]> = [
    [NODE_UNIT, encode(nodeUnit(program))],
    [AGENT_UNIT, encode(agentUnit(program))],
    [GOING_DOWN_UNIT, encode(goingDownUnit(program))],
  ];
  if (daemon) units.unshift([ZFS_UNIT, encode(zfsDaemonUnit(daemon))]);
  return new Map(units);
}

function encode(unit: Unit): string {
  const sections = Object.entries(unit).map(([section, entries]) => [`[${section}]`, ...entries.map(([key, value]) => `${key}=${value}`), ''].join('\n'));
  return `# Zonewright's own. To change it: systemctl edit.\n${sections.join('\n')}`;
}
