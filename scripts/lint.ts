/** `npm run lint`: ESLint, then the import rules of the house (design §2) by dependency-cruiser. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runInteractively } from '../host/run/interactive.ts';

const ROOT = join(import.meta.dirname, '..');
const FOLDERS = ['agent', 'bin', 'headnode', 'host', 'images', 'imgadm', 'node', 'packaging', 'scripts', 'test', 'vmadm'].filter((folder) => existsSync(join(ROOT, folder)));

process.chdir(ROOT);
const environment = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/root', TERM: process.env['TERM'] ?? 'dumb' };
const eslint = await runInteractively([process.execPath, 'node_modules/eslint/bin/eslint.js', '--max-warnings=0', ...FOLDERS, ...process.argv.slice(2)], environment);
const imports = await runInteractively([process.execPath, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.cjs', ...FOLDERS], environment);
process.exitCode = eslint === 0 && imports === 0 ? 0 : 1;
