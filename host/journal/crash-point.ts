/**
 * Die here, when a test asks for it: `ZONEWRIGHT_CRASH_AT=after:3` kills this process with SIGKILL right after the third
 * step. The tests walk through every point of every verb and look at what is left.
 */
export function crashIfAsked(point: string): void {
  if (process.env['ZONEWRIGHT_CRASH_AT'] === point) process.kill(process.pid, 'SIGKILL');
}
