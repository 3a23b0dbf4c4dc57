import type { FastifyInstance, FastifyRequest } from 'fastify';

const LOOK_MS = 2_000;

/**
 * Cuts off requests whose body does not come to its end in time, but for uploads, whose routes set their own limits. Node's own
 * `requestTimeout` knows no routes.
 */
export function limitRequestTime(app: FastifyInstance, msMax: number): void {
  const coming = new Map<FastifyRequest, number>();

  app.addHook('onRequest', async (request) => {
    const { config } = request.routeOptions;
    if (!request.raw.complete && !('upload' in config && config.upload === true))
      coming.set(request, performance.now());
  });
  app.addHook('onResponse', async (request) => {
    coming.delete(request);
  });
  app.addHook('onRequestAbort', async (request) => {
    coming.delete(request);
  });
  const timer = setInterval(() => {
    const late = performance.now() - msMax;
    for (const [request, since] of coming) {
      if (request.raw.complete) coming.delete(request);
      else if (since < late) {
        coming.delete(request);
        request.raw.socket.destroy();
      }
    }
  }, LOOK_MS);
  timer.unref();
  app.addHook('onClose', async () => clearInterval(timer));
}
