/**
 * mmdebstrap mounts /proc, /sys and /dev into what it builds. In namespaces of its own these mounts, and it, are gone
 * whenever we are, also after a kill; left behind, the next build would delete its way into the host through them.
 */
export const PRIVATELY: readonly [string, ...string[]] = [
  ...(['setpriv', '--pdeathsig', 'KILL', '--'] as const),
  ...['unshare', '--mount', '--propagation', 'slave', '--pid', '--fork', '--kill-child=KILL', '--mount-proc', '--'],
];
