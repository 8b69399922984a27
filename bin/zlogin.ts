import './compile-cache.ts';

const { main } = await import('../vmadm/cli/zlogin.ts');
process.exitCode = await main(process.argv.slice(2));
