import './compile-cache.ts';

const { main } = await import('../imgadm/cli/main.ts');
process.exitCode = await main(process.argv.slice(2));
