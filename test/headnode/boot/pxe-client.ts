/**
 * A machine that boots from the network, as far as the boot service sees it: `pxe-client.ts '<order>'` in a network namespace
 * of its own gets an address as the firmware does, then fetches files by TFTP and HTTP, and prints what it got as JSON.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface PxeOrder {
  readonly interface: string;
  readonly mac: string;
  /** Option 93: 0 BIOS, 7 UEFI on x86-64, 16 the same by HTTP. */
  readonly architecture: number;
  readonly vendorClass?: string;
  /** Option 77. */
  readonly userClass?: string;
  /** Give up after this long without an offer. */
  readonly patienceSeconds?: number;
  readonly tftp?: readonly string[];
  readonly http?: readonly string[];
}

export interface PxeResult {
  /** Undefined when nobody offered an address. */
  readonly lease?: { readonly address: string; readonly bootFile: string; readonly nextServer: string; readonly options: Readonly<Record<string, string>> };
  /** SHA-256 of each file. */
  readonly tftp: Readonly<Record<string, string>>;
  readonly http: Readonly<Record<string, { readonly status: number; readonly text: string; readonly sha256: string }>>;
}

const SERVER_PORT = 67;
const CLIENT_PORT = 68;
const DISCOVER = 1;
const REQUEST = 3;

export async function bootOnce(order: PxeOrder): Promise<PxeResult> {
  const lease = await leaseOf(order);
  if (!lease) return { tftp: {}, http: {} };
  ip('address', 'replace', `${lease.address}/24`, 'dev', order.interface);
  const tftp: Record<string, string> = {};
  for (const name of order.tftp ?? []) tftp[name] = sha256(await fetchByTftp(lease.nextServer, name));
  const http: Record<string, PxeResult['http'][string]> = {};
  for (const url of order.http ?? []) {
    const response = await fetch(url);
    const bytes = Buffer.from(await response.arrayBuffer());
    http[url] = { status: response.status, text: bytes.toString('latin1'), sha256: sha256(bytes) };
  }
  return { lease, tftp, http };
}

async function leaseOf(order: PxeOrder): Promise<PxeResult['lease']> {
  ip('address', 'flush', 'dev', order.interface);
  ip('link', 'set', 'dev', order.interface, 'address', order.mac, 'up');
  ip('route', 'replace', '255.255.255.255/32', 'dev', order.interface);
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.bind(CLIENT_PORT);
  await once(socket, 'listening');
  socket.setBroadcast(true);
  try {
    const offer = await exchange(socket, { order, type: DISCOVER, options: [] }, 2);
    if (!offer) return undefined;
    const ack = await exchange(socket, { order, type: REQUEST, options: [[50, offer.subarray(16, 20)], [54, optionsOf(offer).get(54) ?? Buffer.alloc(4)]] }, 5);
    if (!ack) return undefined;
    const options = optionsOf(ack);
    return {
      address: dotted(ack.subarray(16, 20)),
      nextServer: dotted(ack.subarray(20, 24)),
      bootFile: (options.get(67) ?? ack.subarray(108, 236)).toString('latin1').replace(/\0.*$/s, ''),
      options: Object.fromEntries([...options].filter(([code]) => SHOWN.has(code)).map(([code, value]) => [String(code), code === 12 || code === 60 ? value.toString('latin1') : code === 51 ? String(value.readUInt32BE()) : value.length % 4 === 0 ? (value.toString('hex').match(/.{8}/g) ?? []).map((word) => dotted(Buffer.from(word, 'hex'))).join(',') : value.toString('hex')])),
    };
  } finally {
    socket.close();
  }
}

const SHOWN = new Set([1, 3, 6, 12, 51, 54, 60]);

interface Message {
  readonly order: PxeOrder;
  readonly type: number;
  readonly options: ReadonlyArray<readonly [code: number, value: Buffer]>;
}

/** Send a message until an answer of the wanted type comes. */
async function exchange(socket: Socket, { order, type, options }: Message, wanted: number): Promise<Buffer | undefined> {
  const transaction = Buffer.from(order.mac.replaceAll(':', '').slice(4), 'hex');
  const packet = Buffer.alloc(240);
  packet.set([1, 1, 6, 0, ...transaction]);
  packet.writeUInt16BE(0x8000, 10);
  packet.set(Buffer.from(order.mac.replaceAll(':', ''), 'hex'), 28);
  packet.set([0x63, 0x82, 0x53, 0x63], 236);
  const all: ReadonlyArray<readonly [number, Buffer]> = [
    [53, Buffer.from([type])],
    [55, Buffer.from([1, 3, 6, 12, 15, 51, 54, 66, 67])],
    [93, Buffer.from([order.architecture >> 8, order.architecture & 255])],
    ...(order.vendorClass === undefined ? [] : ([[60, Buffer.from(order.vendorClass)]] as const)),
    ...(order.userClass === undefined ? [] : ([[77, Buffer.from(order.userClass)]] as const)),
    ...options,
  ];
  const message = Buffer.concat([packet, ...all.map(([code, value]) => Buffer.concat([Buffer.from([code, value.length]), value])), Buffer.from([255])]);
  const deadline = Date.now() + (order.patienceSeconds ?? 60) * 1000;
  while (Date.now() < deadline) {
    socket.send(message, SERVER_PORT, '255.255.255.255');
    const answer = await answerTo(socket, transaction, wanted, Math.min(5000, deadline - Date.now()));
    if (answer) return answer;
  }
  return undefined;
}

async function answerTo(socket: Socket, transaction: Buffer, wanted: number, milliseconds: number): Promise<Buffer | undefined> {
  return await new Promise((resolve) => {
    const end = (answer: Buffer | undefined): void => {
      clearTimeout(timer);
      socket.off('message', look);
      resolve(answer);
    };
    const look = (packet: Buffer): void => {
      if (packet.subarray(4, 8).equals(transaction) && optionsOf(packet).get(53)?.[0] === wanted) end(packet);
    };
    const timer = setTimeout(() => end(undefined), milliseconds);
    socket.on('message', look);
  });
}

function optionsOf(packet: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 240; at < packet.length && packet[at] !== 255; ) {
    const [code = 0, length = 0] = packet.subarray(at, at + 2);
    if (code === 0) at += 1;
    else {
      options.set(code, packet.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  return options;
}

async function fetchByTftp(server: string, name: string): Promise<Buffer> {
  const socket = createSocket('udp4');
  const blocks: Buffer[] = [];
  return await new Promise((resolve, reject) => {
    socket.on('message', (packet, { port }) => {
      if (packet.readUInt16BE(0) === 5) return reject(new Error(`TFTP: ${packet.subarray(4).toString()}`));
      const block = packet.readUInt16BE(2);
      if (block === ((blocks.length + 1) & 0xffff)) blocks.push(packet.subarray(4));
      socket.send(Buffer.from([0, 4, block >> 8, block & 255]), port, server);
      if (packet.length < 516) {
        socket.close();
        resolve(Buffer.concat(blocks));
      }
    });
    socket.on('error', reject);
    socket.send(Buffer.from(`\0\x01${name}\0octet\0`), 69, server);
  });
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}

function dotted(bytes: Uint8Array): string {
  return [...bytes].join('.');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

if (import.meta.main) process.stdout.write(JSON.stringify(await bootOnce(JSON.parse(process.argv[2] ?? '{}') as PxeOrder)));
