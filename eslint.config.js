import tseslint from 'typescript-eslint';

const CHILD_PROCESS = { name: 'node:child_process', message: 'Run programs through run() or runInteractively() in host/run/.' };
const DEFAULT_EXPORT = { selector: 'ExportDefaultDeclaration', message: 'Export by name.' };
const PROCESS_EXIT = {
  selector: "CallExpression[callee.object.name='process'][callee.property.name='exit']",
  message: 'Return an exit status to the main file; it sets process.exitCode.',
};

const config = tseslint.config(
  { ignores: ['node_modules/', '**/*.mjs', '**/*.cjs', 'eslint.config.js'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-restricted-imports': ['error', { paths: [CHILD_PROCESS, { ...CHILD_PROCESS, name: 'child_process' }] }],
      'no-restricted-syntax': ['error', DEFAULT_EXPORT, PROCESS_EXIT],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      eqeqeq: 'error',
      'no-control-regex': 'error',
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ['bin/*.ts'], rules: { 'no-restricted-syntax': ['error', DEFAULT_EXPORT] } },
  {
    // Tests kill, signal and watch processes that are not programs with an answer.
    files: ['host/run/*.ts', 'test/**/*.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
);

export { config as default };
