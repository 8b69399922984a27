/** Whether the machine did nothing else: a fixed piece of work, done again and again between measurements, says so. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { relativeWidth, spreadOf } from './statistics.ts';

export interface Calibration {
  /** Milliseconds of the fixed work. */
  readonly milliseconds: number;
  /** Processors that others kept busy meanwhile. */
  readonly others: number;
}

export interface Noise {
  readonly isQuiet: boolean;
  /** Why not. */
  readonly reasons: readonly string[];
  readonly calibrations: readonly Calibration[];
  /** The load of the last minute before anything was measured. */
  readonly loadBefore: number;
}

/** Beyond any of these there are no verdicts. */
export const BOUNDS = { width: 0.15, drift: 0.15, others: 0.25, load: 0.75 } as const;

const WORK = Buffer.alloc(4 * 1024 * 1024, 'zonewright');
const REPEATS = 20;

/** A tenth of a second or so of work that is always the same, while nothing that is measured runs. */
export function calibrate(): Calibration {
  const before = { time: performance.now(), busy: busySeconds(), own: ownSeconds() };
  for (let count = 0; count < REPEATS; count++) createHash('sha256').update(WORK).digest();
  const milliseconds = performance.now() - before.time;
  const others = (busySeconds() - before.busy - (ownSeconds() - before.own)) / (milliseconds / 1000);
  return { milliseconds, others: Math.max(0, others) };
}

/** The load before the first measurement, as a share of the processors. */
export function loadBefore(): number {
  return (loadavg()[0] ?? 0) / availableParallelism();
}

/** What all calibrations of a run say. */
export function noiseOf(calibrations: readonly Calibration[], load: number): Noise {
  const reasons: string[] = [];
  const times = calibrations.map(({ milliseconds }) => milliseconds);
  const width = times.length > 0 ? relativeWidth(spreadOf(times)) : 0;
  const drift = driftOf(times);
  const others = calibrations.length > 0 ? calibrations.reduce((sum, one) => sum + one.others, 0) / calibrations.length : 0;
  if (width > BOUNDS.width) reasons.push(`the same work took ${percent(width)} more or less time (bound: ${percent(BOUNDS.width)})`);
  if (drift > BOUNDS.drift) reasons.push(`the machine's speed changed by ${percent(drift)} from the first third of the run to the last (bound: ${percent(BOUNDS.drift)})`);
  if (others > BOUNDS.others) reasons.push(`other programs kept ${others.toFixed(2)} processors busy (bound: ${BOUNDS.others})`);
  if (load > BOUNDS.load) reasons.push(`the load before was ${load.toFixed(2)} of each processor (bound: ${BOUNDS.load})`);
  return { isQuiet: reasons.length === 0, reasons, calibrations, loadBefore: load };
}

function driftOf(times: readonly number[]): number {
  const third = Math.floor(times.length / 3);
  if (third < 2) return 0;
  const [first, last] = [spreadOf(times.slice(0, third)).median, spreadOf(times.slice(-third)).median];
  return Math.abs(last - first) / first;
}

const TICKS_PER_SECOND = 100;

/** Of all processors since boot; what a hypervisor gave to others counts as busy. */
function busySeconds(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (/^cpu .*/.exec(readFileSync('/proc/stat', 'utf8'))?.[0] ?? '').split(/ +/).map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
