/** Disk formats that are not ours, by what they begin with: taken for raw disks they would be garbage. */
const FORMATS: ReadonlyArray<readonly [format: string, at: number, magic: Buffer]> = [
  ['VMDK', 0, Buffer.from('KDMV')],
  ['VMDK', 0, Buffer.from('# Disk DescriptorFile')],
  ['VHDX', 0, Buffer.from('vhdxfile')],
  ['VHD', 0, Buffer.from('conectix')],
  ['VDI', 64, Buffer.from([0x7f, 0x10, 0xda, 0xbe])],
  ['QED', 0, Buffer.from('QED\0')],
  ['Parallels', 0, Buffer.from('WithoutFreeSpace')],
];

/** The name of the format that these first bytes show; undefined when it is none of them. */
export function foreignDisk(start: Buffer): string | undefined {
  return FORMATS.find(([, at, magic]) => start.subarray(at, at + magic.length).equals(magic))?.[0];
}
