import { messageOf, PosternError } from '../errors.ts';
import { refusalStatus, sendOne } from '../simulate/send.ts';
import { signRequest } from '../simulate/sign-request.ts';
import type { SimulatedTarget } from '../simulate/simulator.ts';
import { simulators } from '../simulate/simulators.ts';
import type { PlannedRequest } from '../simulate/traffic.ts';
import type { CommandContext } from './context.ts';
import { gatewayUrl } from './gateway-url.ts';

/** The options of `simulate`, checked. */
export type SimulateOptions = {
  readonly rate: number;
  readonly seconds: number;
  readonly duplicates: number;
  readonly disorder: number;
  readonly tampered: number;
  readonly seed?: number;
  readonly providers: readonly string[];
  readonly url?: string;
  readonly endpoint?: string;
  readonly connections: number;
};

/** No answer by then is none. */
export const TIMEOUT_MS = 20_000;
/** A gateway hears of a new endpoint at once, or at its next look 5 s later. */
const READY_WITHIN_MS = 10_000;
const READY_EVERY_MS = 250;

/** The endpoint named by --endpoint; null where none is. @throws PosternError `invalid_request` */
export function endpointOf(options: SimulateOptions): [provider: string, name: string] | null {
  if (options.endpoint === undefined) return null;
  const [provider = '', name = '', more] = options.endpoint.split('/');
  if (!simulators.has(provider) || name === '' || more !== undefined) throw unknownEndpoint(options.endpoint);
  return [provider, name];
}

export function unknownEndpoint(endpoint: string): PosternError {
  return new PosternError(
    'invalid_request',
    `there is no endpoint ${endpoint} to simulate: it is written provider/name, such as stripe/sample`,
  );
}

/** Where the gateway answers, without a slash at its end. @throws PosternError `invalid_request` */
export function baseUrlOf({ url }: SimulateOptions, context: CommandContext): string {
  if (url === undefined) return gatewayUrl(context.config());
  try {
    return new URL(url).toString().replace(/\/+$/, '');
  } catch (cause) {
    throw new PosternError('invalid_request', `--url ${url} is no URL: ${messageOf(cause)}`, { cause });
  }
}

/** Sends until the gateway knows the endpoint and its secret: both are new. */
export async function sendUntilKnown(
  planned: PlannedRequest,
  target: SimulatedTarget,
  { clock }: CommandContext,
): ReturnType<typeof sendOne> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const sent = await sendOne(planned, signRequest(planned, target, clock.now()), undefined, TIMEOUT_MS);
    if (sent.error !== null) {
      throw new PosternError(
        'invalid_request',
        `no gateway answers at ${target.url} (${sent.error}): is it running? npx postern start, or --url`,
      );
    }
    const unknown = sent.status === 404 || sent.status === refusalStatus(planned.provider);
    if (!unknown || performance.now() > deadline) return sent;
    await new Promise((resolve) => setTimeout(resolve, READY_EVERY_MS));
  }
}
