/** A platform image: its size, what it takes of memory, and from the kernel's start to an agent that answers. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bareMachine, type BareMachine } from '../../e2e/platform/boot.ts';
import { takeTurns, type Contender } from '../measure/rounds.ts';
import { roundsOf, type Session } from '../measure/session.ts';

const USUAL_ROUNDS = 3;
const OURS = 'zonewright';
const BARE = 'systemd alone';
/** What makes a node of the image; without them it is a Debian that boots into memory. */
const UNITS = ['zonewright-platform', 'zonewright-node', 'zonewright-agent', 'zonewright-install', 'zonewright-going-down', 'zonewright-trial'].map((unit) => `${unit}.service`);

const MEMORY = `awk '{ kib[$1] = $2 } END { printf "memory %d\\n", (kib["MemTotal:"] - kib["MemFree:"] - kib["Buffers:"] - kib["Cached:"] + kib["Shmem:"]) / 1024 }' /proc/meminfo`;
const UPTIME = `read up rest </proc/uptime; echo "seconds $up"`;

/** @throws when no image was built: \`scripts/bench.sh\` does that for this part */
export async function measurePlatform(session: Session): Promise<void> {
  const platform = process.env['ZONEWRIGHT_BENCH_PLATFORM'];
  if (!platform) throw new Error('there is no platform image to measure: run `npm run bench -- platform`');
  const size = async (name: string): Promise<number[]> => [(await stat(join(platform, name))).size / 1e6];
  session.figures.push({ part: 'platform', what: 'size of the image (MB)', unit: 'MB', series: { vmlinuz: await size('vmlinuz'), initramfs: await size('initramfs') } });
  const machine = await bareMachine({ diskGigabytes: 4, files: [join(platform, 'packages.txt')] });
  session.onEnd(() => machine.remove());
  session.progress('making a node of a bare machine');
  await machine.boot(platform, 'systemctl start multi-user.target; zonewright setup --disk /dev/disk/by-id/virtio-disk');
  const measured = await takeTurns([node(machine, platform), bare(machine, platform)], { rounds: roundsOf(session, USUAL_ROUNDS), warmUp: false }, session);
  session.figures.push(
    { part: 'platform', what: 'from the kernel to an agent that answers', unit: 's', series: measured['seconds'] ?? {}, comparisons: [{ of: OURS, over: BARE, atMost: 2 }], remark: 'systemd alone: until multi-user.target' },
    { part: 'platform', what: 'memory of a booted node without instances', unit: 'MiB', series: measured['memory'] ?? {} },
  );
}

function node(machine: BareMachine, platform: string): Contender {
  const ready = 'until curl --silent --fail --output /dev/null --unix-socket /run/zonewright/agent.sock http://agent/vms; do sleep 0.2; done';
  return { name: OURS, measure: async () => figuresIn((await machine.boot(platform, `systemctl start multi-user.target\n${ready}\n${UPTIME}\n${MEMORY}`)).output) };
}

/** The same kernel, image and devices, with nothing of ours started. */
function bare(machine: BareMachine, platform: string): Contender {
  const append = UNITS.map((unit) => `systemd.mask=${unit}`).join(' ');
  return { name: BARE, measure: async () => figuresIn((await machine.boot(platform, `systemctl start multi-user.target\n${UPTIME}\n${MEMORY}`, { append })).output) };
}

function figuresIn(output: string): { seconds: number; memory: number } {
  const figure = (name: string): number => {
    const found = new RegExp(`^${name} ([0-9.]+)$`, 'm').exec(output)?.[1];
    if (found === undefined) throw new Error(`the booted machine did not tell its ${name}: ${output.slice(-500)}`);
    return Number(found);
  };
  return { seconds: figure('seconds'), memory: figure('memory') };
}
