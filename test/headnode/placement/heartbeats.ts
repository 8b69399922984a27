import type { JoinedNode } from '../support/head.ts';

/** Let nodes live while a test runs: one that is silent for 11 seconds is unknown. @returns what ends it */
export function keepBeating(nodes: () => readonly JoinedNode[]): () => Promise<void> {
  let beats: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    beats = Promise.allSettled(nodes().map((node) => node.say('POST', `/servers/${node.uuid}/events/heartbeat`, {})));
  }, 2000);
  return async () => {
    clearInterval(timer);
    await beats;
  };
}
