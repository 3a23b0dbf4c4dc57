import type { EndpointSettings, Normalised, Provider } from '../../src/providers/provider.ts';

/** What the body's item means, received at `receivedAt`, on an account named `main`. */
export function meaningOf(
  provider: Provider,
  body: Buffer,
  settings: EndpointSettings = {},
  item = 0,
  receivedAt = 1_767_225_600_000,
): Normalised {
  return provider.normalise(
    { item, id: 'made', type: 'made', account: 'main', headers: [], body, receivedAt, level: 'body', fetched: null },
    settings,
  );
}
