/** Imports point one way (design §2): everything → host, vmadm ⇄ imgadm only through each other's index.ts. */
const OURS = '^(agent|bin|headnode|images|imgadm|node|packaging|scripts|test|vmadm)/';

module.exports = {
  forbidden: [
    { name: 'host-imports-nothing-of-ours', severity: 'error', from: { path: '^host/' }, to: { path: OURS } },
    { name: 'vmadm-to-imgadm-by-index', severity: 'error', from: { path: '^vmadm/' }, to: { path: '^imgadm/', pathNot: '^imgadm/index\\.ts$' } },
    { name: 'imgadm-to-vmadm-by-index', severity: 'error', from: { path: '^imgadm/' }, to: { path: '^vmadm/', pathNot: '^vmadm/index\\.ts$' } },
    { name: 'cli-is-imported-by-bin-only', severity: 'error', from: { pathNot: '^(bin|test|docs|scripts/docs)/|/cli/|^agent/(routes/images|client/remote-images)\\.ts$' }, to: { path: '/cli/' } },
    // imgadm's handlers return data; the agent performs them for a command that only prints it.
    { name: 'agent-performs-image-commands', severity: 'error', from: { path: '^agent/' }, to: { path: '/cli/', pathNot: '^imgadm/cli/(by-agent|command|commands|perform)\\.ts$' } },
    { name: 'a-cli-is-not-for-another-domain', severity: 'error', from: { path: '^([^/]+)/.*cli/', pathNot: '^test/' }, to: { path: '/cli/', pathNot: '^$1/|^headnode/cli/commands\\.ts$' } },
    { name: 'engines-know-no-node-commands', severity: 'error', from: { path: '^(vmadm|imgadm)/' }, to: { path: '^(node|agent|headnode|images|packaging|scripts)/', pathNot: '^agent/client/' } },
    { name: 'engines-know-no-agent', severity: 'error', from: { path: '^(vmadm|imgadm)/', pathNot: '/cli/' }, to: { path: '^agent/' } },
    { name: 'clients-load-no-engine', severity: 'error', from: { path: '^agent/client/' }, to: { path: '^(vmadm|imgadm|node|headnode|agent)/', pathNot: '^agent/(client/|errors\\.ts$)', dependencyTypesNot: ['type-only'] } },
    { name: 'the-wire-is-for-everyone', severity: 'error', from: { path: '^agent/wire/' }, to: { pathNot: '^(agent/wire/|host/config/units\\.ts$|node_modules/zod/)' } },
    { name: 'nothing-imports-tests', severity: 'error', from: { pathNot: '^test/' }, to: { path: '^test/' } },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] } } },
    // The clients of the head node's APIs are installed apart, as their users have them.
    { name: 'imports-resolve', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^(smartdc|sdc-clients)$' } },
    { name: 'no-development-dependencies-in-the-product', severity: 'error', from: { path: '^(agent|bin|host|vmadm|imgadm|node|images)/', pathNot: '^images/platform/' }, to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/@types/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js', '.json'], conditionNames: ['import', 'require', 'node', 'default'], exportsFields: ['exports'] },
  },
};
