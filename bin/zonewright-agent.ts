import './compile-cache.ts';

const { main } = await import('../agent/main.ts');
// Guests that are connected do not keep the agent from ending.
process.exit(await main(process.argv.slice(2)));
