import { InvalidArgumentError } from 'commander';

/** `stripe/main` as its two names. */
export function endpointName(text: string): [provider: string, name: string] {
  const [, provider, name] = /^([a-z0-9-]+)\/([a-z0-9][a-z0-9._-]*)$/.exec(text) ?? [];
  if (provider === undefined || name === undefined) throw new InvalidArgumentError('an endpoint such as stripe/main');
  return [provider, name];
}
