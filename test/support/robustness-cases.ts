import { existsSync, readFileSync } from 'node:fs';
import type { EndpointSettings } from '../../src/providers/provider.ts';
import type { RawRequest } from './raw-request.ts';
import { samplesFolder } from './samples-folder.ts';

export type RobustnessCase = {
  readonly name: string;
  readonly provider: string;
  readonly secrets: readonly string[];
  readonly settings: EndpointSettings;
  /** Unix seconds. */
  readonly now: number;
  readonly requests: readonly Omit<RawRequest, 'path'>[];
  readonly concurrent: boolean;
  /** The allowed answers of each request; with `anyOf` each range is allowed for every request. */
  readonly http: readonly (readonly [number, number])[];
  readonly anyOf: boolean;
  readonly stored: readonly number[];
};

type File = {
  name: string;
  config: { provider: string; secrets: string[]; livemode?: boolean; live?: boolean; basic_auth?: unknown };
  now: number;
  requests: {
    method: string;
    headers: Record<string, string | string[]>;
    body_base64: string;
    transport?: { chunk_at?: number[] };
  }[];
  expect: { http: [number, number][]; stored: number | number[]; any_of?: boolean; concurrent?: boolean };
}[];

/** The cases that concern processors we have, or none where the samples are not at hand. */
export function robustnessCases(has: (provider: string) => boolean): RobustnessCase[] {
  const file = samplesFolder('webhooks', '_robustness', 'cases.json');
  if (!existsSync(file)) return [];
  const cases = JSON.parse(readFileSync(file, 'utf8')) as File;
  return cases
    .filter(({ config }) => has(config.provider))
    .map(({ name, config, now, requests, expect }) => ({
      name,
      provider: config.provider,
      secrets: config.secrets,
      settings: {
        ...((config.livemode ?? config.live) === true ? { mode: 'live' as const } : {}),
        ...(config.basic_auth === undefined ? {} : { basic_auth: config.basic_auth }),
      },
      now,
      requests: requests.map((request) => ({
        method: request.method,
        headers: Object.entries(request.headers).flatMap(([header, value]) =>
          (Array.isArray(value) ? value : [value]).map((one) => [header, one] as const),
        ),
        body: Buffer.from(request.body_base64, 'base64'),
        ...(request.transport?.chunk_at === undefined ? {} : { chunkAt: request.transport.chunk_at }),
      })),
      concurrent: expect.concurrent ?? false,
      http: expect.http,
      anyOf: expect.any_of ?? false,
      stored: [expect.stored].flat(),
    }));
}
