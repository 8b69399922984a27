import type { FastifyInstance, FastifyRequest } from 'fastify';

/** JSON and forms, either of them empty: clients send a content type even when there is nothing to say. */
export function acceptBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.trim() === '') done(null, {});
    else parseJson(request, body, done);
  });
  app.addContentTypeParser<string>('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body))));
}

/**
 * Cut off who lets us wait for a body. A route that streams its body gets to its handler at once and watches over it itself.
 */
export function limitBodyTime(app: FastifyInstance, seconds: number): void {
  const clocks = new WeakMap<FastifyRequest, NodeJS.Timeout>();
  const stop = (request: FastifyRequest): void => clearTimeout(clocks.get(request));
  app.addHook('onRequest', async (request) => {
    clocks.set(request, setTimeout(() => request.raw.socket.destroy(), seconds * 1000).unref());
  });
  app.addHook('preValidation', async (request) => stop(request));
  app.addHook('onResponse', async (request) => stop(request));
}
