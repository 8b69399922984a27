import type { ServerOptions } from 'node:http';

/**
 * What every listener holds its callers to. Headers must be there, and a request whole, in a time that any honest client
 * needs only a part of; an answer may take as long as its operation does.
 */
export function limits(): ServerOptions {
  return {
    headersTimeout: 5000,
    requestTimeout: 20_000,
    keepAliveTimeout: 30_000,
    connectionsCheckingInterval: 2000,
    maxHeaderSize: 16 * 1024,
  };
}
