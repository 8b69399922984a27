import './compile-cache.ts';

const { main } = await import('../vmadm/cli/main.ts');
const { ownProcess } = await import('../vmadm/cli/own-process.ts');
process.exitCode = await main(process.argv, ownProcess());
