import { join } from 'node:path';
import type { z } from 'zod';
import { changeHeadConfig, readHeadConfig, type headConfigSchema, type HeadConfig } from '../config.ts';
import { headErrors } from '../errors.ts';
import { DATA_OPTION, textOf, type HeadCommand, type HeadInvocation } from './command.ts';
import { directoryOf } from './directory.ts';

/** Options that say where things listen; what is given becomes part of the configuration. */
export const LISTEN_OPTIONS = {
  postgres: { type: 'boolean', summary: "keep the state in a private PostgreSQL server (Debian's packages) instead of PGlite" },
  admin: { type: 'string', value: 'IP[:PORT]', summary: 'listen here for nodes, with mutual TLS (port 8443)' },
  internal: { type: 'string', value: 'IP[:PORT]', summary: 'CNAPI, VMAPI, NAPI, IMGAPI and PAPI for operators (127.0.0.1:8080)' },
  cloudapi: { type: 'string', value: 'IP[:PORT]', summary: 'CloudAPI (127.0.0.1:8090)' },
  'boot-range': { type: 'string', value: 'IP-IP', summary: 'boot nodes from the network: DHCP, TFTP and HTTP on the admin network, with these addresses for machines that are new' },
} as const;

export const runCommand: HeadCommand = {
  name: 'run',
  summary: 'Run a head process (what `zonewright head` does without a command)',
  options: { ...DATA_OPTION, ...LISTEN_OPTIONS },
  examples: [
    ['zonewright head --admin 10.77.0.1', 'everything in one process, with an embedded database'],
    ['zonewright head --postgres', 'with a PostgreSQL server of its own'],
    ['DATABASE_URL=postgres://… zonewright head', 'on any PostgreSQL server; several heads may share it'],
  ],
  async run(invocation) {
    const directory = await directoryOf(invocation);
    const config = await configure(directory, invocation);
    const { main } = await import('../main.ts');
    return await main({ directory, config, databaseUrl: process.env['DATABASE_URL'] });
  },
};

/** The configuration with what the options change in it. @throws HeadConfigInvalid */
export async function configure(directory: string, invocation: HeadInvocation): Promise<HeadConfig> {
  const path = join(directory, 'config.json');
  const before = await readHeadConfig(path);
  const change = {
    ...(invocation.values['postgres'] === true ? { database: 'postgres' as const } : {}),
    ...changeOf(invocation, 'admin', before.admin),
    ...changeOf(invocation, 'internal', before.internal),
    ...changeOf(invocation, 'cloudapi', before.cloudapi),
    ...bootChange(invocation, before.boot),
  };
  return Object.keys(change).length === 0 ? before : await changeHeadConfig(path, change);
}

function changeOf(invocation: HeadInvocation, name: 'admin' | 'internal' | 'cloudapi', before: object | undefined): Readonly<Record<string, object>> {
  const text = textOf(invocation, name);
  if (text === undefined) return {};
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  if (address === undefined) throw headErrors.HeadConfigInvalid({ path: `--${name}`, reason: `${JSON.stringify(text)} is not an address like 10.77.0.1 or 10.77.0.1:8443` });
  return { [name]: { ...before, address, ...(port === undefined ? {} : { port: Number(port) }) } };
}

function bootChange(invocation: HeadInvocation, before: HeadConfig['boot']): { readonly boot?: z.input<typeof headConfigSchema>['boot'] } {
  const text = textOf(invocation, 'boot-range');
  if (text === undefined) return {};
  const [, start, end] = /^([0-9.]+)-([0-9.]+)$/.exec(text) ?? [];
  if (start === undefined || end === undefined) throw headErrors.HeadConfigInvalid({ path: '--boot-range', reason: `${JSON.stringify(text)} is not a range like 10.77.0.200-10.77.0.250` });
  return { boot: { ...before, range: { start, end } } };
}
