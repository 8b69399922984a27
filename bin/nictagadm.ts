import './compile-cache.ts';

const { main } = await import('../node/cli/nictagadm.ts');
process.exitCode = await main(process.argv.slice(2));
