import { isErrorCode } from '../../../host/errors/errors.ts';
import { loadNode, readNode, type Node } from '../../../host/config/node-config.ts';
import type { Command } from '../program.ts';

export const sysinfoCommand: Command = {
  name: 'sysinfo',
  summary: 'Print what this node is: hardware, pool, networks',
  options: {
    parsable: { type: 'boolean', short: 'p', summary: 'as assignments for a shell' },
    update: { type: 'boolean', short: 'u', summary: 'look it up anew and tell the head node; prints nothing' },
    force: { type: 'boolean', short: 'f', summary: 'look it up anew' },
  },
  examples: [
    ['sysinfo | json "Zpool Size in GiB"', 'one fact of the document'],
    ['sysinfo -u', 'after a change of hardware or networks'],
  ],
  async run({ values }) {
    const [{ cachedSysinfo }, { shellForm }, { sysinfoOf }] = await Promise.all([
      import('../../../agent/sysinfo/cache.ts'),
      import('../../../agent/sysinfo/shell-form.ts'),
      import('../../../agent/sysinfo/sysinfo.ts'),
    ]);
    const node = await loadedNode();
    const refresh = values['update'] === true || values['force'] === true;
    const sysinfo = node ? await cachedSysinfo(node, { refresh }) : await sysinfoOf(undefined);
    if (values['update'] && !values['parsable'] && !values['force']) return 0;
    process.stdout.write(values['parsable'] ? shellForm(sysinfo) : `${JSON.stringify(sysinfo, null, 2)}\n`);
    return 0;
  },
};

/** A host that is not set up has something to say of itself too. One whose pool is away must not pass for such a one. */
async function loadedNode(): Promise<Node | undefined> {
  try {
    return await loadNode();
  } catch (error) {
    if (!isErrorCode(error, 'NodeNotReady') || (await isSetUp())) throw error;
    return undefined;
  }
}

async function isSetUp(): Promise<boolean> {
  return readNode().then(
    () => true,
    () => false,
  );
}
