import { DEPENDS, RECOMMENDS, SUGGESTS } from './relations.ts';

/** What a version of a package may be; it becomes part of file names too. */
const VERSION = /^[0-9][A-Za-z0-9.+~]{0,63}$/;
const MAINTAINER = 'Zonewright <zonewright@localhost>';

/** @throws Error when it is not one */
export function requireVersion(version: string): void {
  if (!VERSION.test(version)) throw new Error(`not a version: ${JSON.stringify(version)}`);
}

/** Debian's control file of the package. @param size of its files, in KiB */
export function controlFile(version: string, size: number): string {
  requireVersion(version);
  return `Package: zonewright
Version: ${version}
Architecture: amd64
Maintainer: ${MAINTAINER}
Installed-Size: ${size}
Section: admin
Priority: optional
Depends: ${DEPENDS.join(', ')}
Recommends: ${RECOMMENDS.join(', ')}
Suggests: ${SUGGESTS.join(', ')}
Description: SmartOS's operating model on Linux: zones and machines on one ZFS pool
 Zones (OS containers) and machines (KVM guests) on one ZFS pool, managed by
 vmadm and imgadm as on SmartOS; images, nic tags, guest metadata, and a head
 node for many such hosts.
 .
 Installing it changes nothing on the host: "zonewright setup" makes a node.
`;
}

/** Debian's changelog: the version that is built, and where the changes are told. */
export function debianChangelog(version: string, epoch: number): string {
  requireVersion(version);
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `zonewright (${version}) stable; urgency=medium

  * The changes are told in /usr/share/doc/zonewright/CHANGELOG.md.gz.

 -- ${MAINTAINER}  ${date}
`;
}
