import { run } from '../../../host/run/run.ts';

const ENTER = new URL('../../sandbox/enter.sh', import.meta.url).pathname;
const ROOT = new URL('../../..', import.meta.url).pathname;

/** What a script on the fresh host finds: `$SETUP` is `zonewright setup` with everything inside the sandbox. */
const PREPARE = `
set -u
cd "${ROOT}"
host=$ZONEWRIGHT_SANDBOX/host
mkdir "$host"
export ZONEWRIGHT_NODE=$host/etc/node.json
OPTIONS="--file $host/pool/zones.img --size 6 --mountpoint $host/zones --run-directory $host/run --cgroup $ZONEWRIGHT_SANDBOX_NAME-host"
SETUP="bin/zonewright setup $OPTIONS"
`;

export interface HostAnswer {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Run a bash script as root of a fresh host: a sandbox of its own in which nothing is set up yet. */
export function onFreshHost(script: string): Promise<HostAnswer> {
  const any = Array.from({ length: 256 }, (_, status) => status);
  return run([ENTER, 'bash', '-c', `${PREPARE}\n${script}`], { acceptExitCodes: any, timeout: 300_000, environment: { HOME: '/root' } });
}
