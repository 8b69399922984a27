import './compile-cache.ts';

const { main } = await import('../node/cli/zonewright.ts');
process.exitCode = await main(['sysinfo', ...process.argv.slice(2)]);
