import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';

/** The head of the API's description. It has a version of its own: it changes when what clients see does. */
export function openApiInfo(): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Zonewright agent',
        version: '1',
        description:
          'What the agent of a node answers, on its unix socket (role `local`) and to its head node over mutual TLS (role `head`). ' +
          'Operations answer with JSON when they are over, or with one JSON object per line as they go when the request accepts `application/x-ndjson`: ' +
          'first `{"operation": id}`, then `{"step": …}` for each step, last `{"result": …}` or `{"error": …}`.',
      },
      tags: [
        { name: 'vms', description: 'instances' },
        { name: 'operations', description: 'what runs now' },
        { name: 'events', description: 'what happens to instances' },
        { name: 'images', description: 'images of this node' },
        { name: 'nictags', description: 'networks of this node' },
        { name: 'tasks', description: 'tasks of a head node' },
        { name: 'agent', description: 'the agent itself' },
      ],
    },
  };
}
