import type { ApiAnswer, ApiCall, ApiContext, EndpointSettings } from '../../src/providers/provider.ts';

/** A context whose calls are kept and answered by `answer`: an adapter's API without any network. */
export function apiContext(
  settings: EndpointSettings,
  now: number,
  answer: (call: ApiCall) => { status: number; body?: string; headers?: Record<string, string> },
): { readonly context: ApiContext; readonly calls: ApiCall[] } {
  const calls: ApiCall[] = [];
  return {
    calls,
    context: {
      settings,
      now,
      async call(request): Promise<ApiAnswer> {
        calls.push(request);
        const { status, body = '', headers = {} } = answer(request);
        return { status, headers, body: Buffer.from(body) };
      },
    },
  };
}
