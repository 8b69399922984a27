/**
 * `zonewright setup`: make this host a node, or bring the node back after a reboot. Every step looks at what is there and
 * does only what is missing, so setup can be repeated, and interrupted at any moment.
 */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isUuid } from '../../host/config/units.ts';
import { readNode, nodeConfigPath, type NodeConfig } from '../../host/config/node-config.ts';
import { isErrorCode } from '../../host/errors/errors.ts';
import { readFileIfPresent, writeFileAtomically } from '../../host/files/atomic.ts';
import { withLock } from '../../host/lock/lock.ts';
import { nodeErrors } from '../errors.ts';
import { decideOptions, type SetupRequest } from './options.ts';
import type { Finding, Setup, SetupStep } from './step.ts';
import { agentStep } from './steps/agent.ts';
import { configStep } from './steps/config.ts';
import { datasetsStep } from './steps/datasets.ts';
import { directoriesStep } from './steps/directories.ts';
import { linksStep } from './steps/links.ts';
import { networkStep } from './steps/network.ts';
import { poolStep } from './steps/pool.ts';
import { uidRangesStep } from './steps/uid-ranges.ts';
import { unitsStep } from './steps/units.ts';
import { zfsStep } from './steps/zfs.ts';

/** In this order; the configuration comes when all else is there, so that a node is only ever set up as a whole. */
export const SETUP_STEPS: readonly SetupStep[] = [
  unitsStep,
  zfsStep,
  poolStep,
  datasetsStep,
  directoriesStep,
  uidRangesStep,
  networkStep,
  linksStep,
  configStep,
  agentStep,
];

/** One line of setup's report. */
export interface SetupLine {
  readonly state: 'ok' | 'done' | 'would';
  readonly step: string;
  readonly fact: string;
}

/** Set this host up. Lines are reported as they come. @throws errors of nodeErrors, before anything is changed */
export async function setUp(request: SetupRequest, report: (line: SetupLine) => void): Promise<void> {
  requireRoot();
  const configPath = nodeConfigPath();
  await mkdir(dirname(configPath), { recursive: true, mode: 0o755 });
  await withLock({ scope: configPath, name: 'setup', action: 'zonewright setup' }, async () => {
    const setup = await open(request, configPath);
    const findings: Finding[] = [];
    for (const step of SETUP_STEPS) findings.push(await step.inspect(setup));
    await keepIdentity(setup);
    let isAsFound = true;
    for (const [index, step] of SETUP_STEPS.entries()) {
      const line = await bringAbout(step, setup, isAsFound ? findings[index] : undefined);
      isAsFound &&= line.state === 'ok';
      report(line);
    }
  });
}

/** What `setUp` would do; nothing is changed. */
export async function planSetup(request: SetupRequest): Promise<SetupLine[]> {
  requireRoot();
  const setup = await open(request, nodeConfigPath());
  const lines: SetupLine[] = [];
  for (const step of SETUP_STEPS) {
    const finding = await step.inspect(setup);
    lines.push(finding.ready ? { state: 'ok', step: step.name, fact: finding.fact } : { state: 'would', step: step.name, fact: finding.plan });
  }
  return lines;
}

/** @param found what was there; not known once a step before has changed something, which may be more than its own */
async function bringAbout(step: SetupStep, setup: Setup, found: Finding | undefined): Promise<SetupLine> {
  const finding = found ?? (await step.inspect(setup));
  if (finding.ready) return { state: 'ok', step: step.name, fact: finding.fact };
  return { state: 'done', step: step.name, fact: await step.perform(setup) };
}

async function open(request: SetupRequest, configPath: string): Promise<Setup> {
  const last = await lastSetup(configPath);
  const options = decideOptions(request, last);
  return { options, last, configPath, serverUuid: last?.serverUuid ?? request.serverUuid ?? (await keptIdentity(configPath)) ?? randomUUID() };
}

async function lastSetup(configPath: string): Promise<NodeConfig | undefined> {
  try {
    const { paths: _, ...config } = await readNode(configPath);
    return config;
  } catch (error) {
    if (isErrorCode(error, 'NodeNotReady')) return undefined;
    throw error;
  }
}

/** The node's uuid must outlive a setup that is interrupted, since the pool that it made carries it. */
async function keepIdentity({ configPath, serverUuid }: Setup): Promise<void> {
  if ((await keptIdentity(configPath)) === serverUuid) return;
  await writeFileAtomically(identityPath(configPath), `${serverUuid}\n`, { durable: true, mode: 0o644 });
}

async function keptIdentity(configPath: string): Promise<string | undefined> {
  const uuid = (await readFileIfPresent(identityPath(configPath)))?.trim();
  return isUuid(uuid) ? uuid : undefined;
}

function identityPath(configPath: string): string {
  return join(dirname(configPath), 'server-uuid');
}

function requireRoot(): void {
  if (process.getuid?.() !== 0) throw nodeErrors.NotRoot({ command: 'zonewright setup' });
}
