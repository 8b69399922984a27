/** The commands of `zonewright head`, one line each. */
import { accountCommand, keyCommand } from './account.ts';
import { bootCommand } from './boot.ts';
import type { HeadCommand } from './command.ts';
import { installCommand } from './install.ts';
import { networkCommand } from './network.ts';
import { networkPoolCommand } from './network-pool.ts';
import { nicTagCommand } from './nic-tag.ts';
import { packageCommand } from './package.ts';
import { placeCommand } from './place.ts';
import { platformCommand } from './platform.ts';
import { revokeCommand } from './revoke.ts';
import { runCommand } from './run.ts';
import { setupCommand } from './setup.ts';
import { statusCommand } from './status.ts';
import { tokenCommand } from './token.ts';

export const HEAD_COMMANDS: readonly HeadCommand[] = [
  runCommand,
  tokenCommand,
  statusCommand,
  setupCommand,
  revokeCommand,
  installCommand,
  accountCommand,
  keyCommand,
  packageCommand,
  networkCommand,
  networkPoolCommand,
  nicTagCommand,
  placeCommand,
  platformCommand,
  bootCommand,
];
