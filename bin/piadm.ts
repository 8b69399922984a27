import './compile-cache.ts';

const { main } = await import('../node/cli/piadm.ts');
process.exitCode = await main(process.argv.slice(2));
