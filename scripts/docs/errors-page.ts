/**
 * docs/errors.md, from the tables that the errors are made of. As a program it prints the page:
 * `scripts/with-node.sh scripts/docs/errors-page.ts >docs/errors.md`.
 */
import { agentErrors } from '../../agent/errors.ts';
import { identityErrors } from '../../agent/identity/errors.ts';
import { taskErrors } from '../../agent/tasks/errors.ts';
import type { ErrorDefinition } from '../../host/errors/errors.ts';
import { headErrors } from '../../headnode/errors.ts';
import { networkErrors } from '../../headnode/networks/errors.ts';
import { hostErrors } from '../../host/errors/host-errors.ts';
import { sourceErrors } from '../../host/platform-source/errors.ts';
import { signatureErrors } from '../../host/signature/errors.ts';
import { imgadmErrors } from '../../imgadm/errors.ts';
import { nodeErrors } from '../../node/errors.ts';
import { platformErrors } from '../../node/platform/errors.ts';
import { vmErrors } from '../../vmadm/errors.ts';

type Table = Readonly<Record<string, ErrorDefinition>>;

const TABLES: ReadonlyArray<readonly [title: string, table: Table]> = [
  ['vmadm', vmErrors.definitions],
  ['imgadm', imgadmErrors.definitions],
  ['zonewright, nictagadm', nodeErrors.definitions],
  ['zonewright platform, piadm', platformErrors.definitions],
  ['the agent', agentErrors.definitions],
  ["the agent's tasks", taskErrors.definitions],
  ['joining a head node', identityErrors.definitions],
  ['the head node', headErrors.definitions],
  ["the head node's networks", networkErrors.definitions],
  ['the host', hostErrors.definitions],
  ['signed platform images', signatureErrors.definitions],
  ['where platform images come from', sourceErrors.definitions],
];

const INTRODUCTION = `# Errors

Every error that a user can reach, by the part that it comes from. A code never changes its meaning; \`{name}\` stands for
a fact of the case. This page is generated (\`scripts/docs/errors-page.ts\`); a test holds it to the tables in the code.
`;

/** The whole page. */
export function errorsPage(): string {
  return [INTRODUCTION, ...TABLES.map(([title, table]) => section(title, table))].join('\n');
}

function section(title: string, table: Table): string {
  const rows = Object.entries(table)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([code, { message, exit = 1, hint }]) => `| ${code} | ${exit} | ${cell(message)} | ${cell(hint ?? '')} |`);
  return [`## Errors of ${title}`, '', '| code | exit | message | what to do |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
}

if (import.meta.main) process.stdout.write(errorsPage());
