/** From `create` to a guest's own first words, against the same disk in a QEMU that somebody typed. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accelerator } from '../../../host/qemu/accelerator.ts';
import { run } from '../../../host/run/run.ts';
import { openConsole } from '../../support/guest-console.ts';
import { seedOf, tinyMachineImage } from '../../support/seed-images.ts';
import { benchNode, OURS, type BenchNode } from '../contenders/our-node.ts';
import { NETMASK, nextWish } from '../contenders/zone.ts';
import { timed } from '../measure/command.ts';
import { takeTurns, type Contender } from '../measure/rounds.ts';
import { roundsOf, type Session } from '../measure/session.ts';

const USUAL_ROUNDS = 3;
const UP = /tiny-vm is up/;
const MEBIBYTES = 128;
const PATIENCE_SECONDS = 180;

export const QEMU = 'copy of the disk, qemu-system-x86_64';

export async function measureMachine(session: Session): Promise<void> {
  const bench = await benchNode(session);
  const image = await tinyMachineImage(bench.node);
  const measured = await takeTurns([ourMachine(bench, image), await plainQemu(bench)], { rounds: roundsOf(session, USUAL_ROUNDS) }, session);
  session.figures.push({ part: 'machine', what: 'create → the guest is up', unit: 'ms', series: measured['up'] ?? {}, comparisons: [{ of: OURS, over: QEMU }], remark: `accelerator: ${accelerator().name}` });
  session.figures.push({ part: 'machine', what: 'create of a machine returns', unit: 'ms', series: measured['create'] ?? {} });
}

function ourMachine(bench: BenchNode, image: string): Contender {
  return {
    name: OURS,
    async measure() {
      const uuid = randomUUID();
      const { name, address } = nextWish();
      const nics = [{ nic_tag: 'admin', model: 'virtio', ip: address, netmask: NETMASK, primary: true }];
      const payload = { uuid, brand: 'kvm', alias: name, hostname: name, ram: MEBIBYTES, vcpus: 1, quota: 1, disks: [{ image_uuid: image, boot: true, model: 'virtio' }], nics };
      const began = performance.now();
      const { wall: create } = await timed({ argv: bench.command('vmadm', 'create'), environment: bench.environment(), input: JSON.stringify(payload) });
      const guest = await openConsole(bench.node, uuid);
      await guest.says(UP, PATIENCE_SECONDS);
      const up = performance.now() - began;
      guest.close();
      await timed({ argv: bench.command('vmadm', 'delete', uuid), environment: bench.environment() });
      return { create, up };
    },
  };
}

/** The same devices, without a jail, limits, filters or a record. */
async function plainQemu({ node }: BenchNode): Promise<Contender> {
  const directory = join(node.runDirectory, 'qemu');
  await mkdir(directory);
  const [base, disk, log] = ['base', 'disk', 'log'].map((name) => join(directory, name)) as [string, string, string];
  await run(['zstd', '--quiet', '-d', (await seedOf('tiny-vm')).archive, '-o', base]);
  return {
    name: QEMU,
    async measure() {
      await rm(log, { force: true });
      const began = performance.now();
      await copyFile(base, disk);
      const child = spawn('qemu-system-x86_64', [
        ...['-machine', `q35,accel=${accelerator().name}`, '-cpu', 'max', '-m', String(MEBIBYTES), '-nodefaults', '-display', 'none', '-vga', 'std'],
        ...['-drive', `file=${disk},format=raw,if=virtio`, '-serial', `file:${log}`, '-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net'],
      ], { stdio: ['ignore', 'ignore', 'pipe'] });
      let complaint = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
      const ended = new Promise((resolve) => child.on('exit', resolve));
      try {
        await saidIn(log, () => complaint);
        return { up: performance.now() - began };
      } finally {
        child.kill('SIGKILL');
        await ended;
      }
    },
  };
}

/** Looked at as often as the console of ours is. */
async function saidIn(log: string, complaint: () => string): Promise<void> {
  for (let tries = 0; tries < PATIENCE_SECONDS * 10; tries++) {
    if (UP.test(await readFile(log, 'utf8').catch(() => ''))) return;
    if (complaint() !== '') break;
    await sleep(100);
  }
  throw new Error(`the guest did not come up: ${complaint()} ${(await readFile(log, 'utf8').catch(() => '')).slice(-500)}`);
}
