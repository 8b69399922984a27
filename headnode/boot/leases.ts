import { readFileIfPresent } from '../../host/files/atomic.ts';

/** Which address dnsmasq has given to a MAC address: `expiry mac address name client-id` on each line. */
export async function leasedAddress(path: string, mac: string): Promise<string | undefined> {
  const lines = ((await readFileIfPresent(path)) ?? '').split('\n').map((line) => line.split(' '));
  return lines.find(([expiry, leased]) => leased === mac && Number(expiry) * 1000 > Date.now())?.[2];
}
