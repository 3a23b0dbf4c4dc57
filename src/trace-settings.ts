import type { Environment } from './config.ts';
import { PosternError } from './errors.ts';

/** What the standard variables of OpenTelemetry ask for; null: no traces. Headers and certificates the exporter reads itself. */
export type TraceSettings = {
  /** Where traces are sent to, whole. */
  readonly url: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly sampler: (typeof SAMPLERS)[number];
  /** The part of the traces that is kept, where the sampler asks for one. */
  readonly ratio: number;
  /** How long spans gather before they are sent. */
  readonly delayMs: number;
};

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
const DELAY_MS = 5_000;

/** @throws PosternError `config_invalid` with the variable, what it was and what it may be. */
export function readTraceSettings(env: Environment): TraceSettings | null {
  const given = (name: string): string | null => env[name]?.trim() || null;
  const exporter = choice('OTEL_TRACES_EXPORTER', given('OTEL_TRACES_EXPORTER'), ['otlp', 'none'], 'otlp');
  const whole = address('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', given('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'));
  const base = address('OTEL_EXPORTER_OTLP_ENDPOINT', given('OTEL_EXPORTER_OTLP_ENDPOINT'));
  const own = 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL';
  const name = given(own) === null ? 'OTEL_EXPORTER_OTLP_PROTOCOL' : own;
  const protocol = choice(name, given(name), PROTOCOLS, 'http/protobuf');
  const sampler = choice('OTEL_TRACES_SAMPLER', given('OTEL_TRACES_SAMPLER'), SAMPLERS, 'parentbased_always_on');
  const ratio = number('OTEL_TRACES_SAMPLER_ARG', given('OTEL_TRACES_SAMPLER_ARG'), 1, 1);
  const delayMs = number('OTEL_BSP_SCHEDULE_DELAY', given('OTEL_BSP_SCHEDULE_DELAY'), DELAY_MS, 60_000);
  const url = whole ?? (base === null ? null : `${base.replace(/\/+$/, '')}/v1/traces`);
  if (url === null || exporter === 'none' || given('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return null;
  return { url, protocol, sampler, ratio, delayMs };
}

function address(name: string, value: string | null): string | null {
  if (value === null || (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol))) return value;
  throw invalid(name, value, 'a URL that begins with http:// or https://');
}

function choice<const T extends string>(name: string, value: string | null, choices: readonly T[], unset: T): T {
  const chosen = value === null ? unset : choices.find((one) => one === value);
  if (chosen !== undefined) return chosen;
  throw invalid(name, value ?? '', `${choices.join(', ')} (${unset} when unset)`);
}

function number(name: string, value: string | null, unset: number, max: number): number {
  if (value === null) return unset;
  const found = Number(value);
  if (/^\d{1,9}(\.\d{1,9})?$/.test(value) && found <= max) return found;
  throw invalid(name, value, `a number from 0 to ${max} (${unset} when unset)`);
}

function invalid(name: string, was: string, may: string): PosternError {
  return new PosternError('config_invalid', `${name} is ${JSON.stringify(was.slice(0, 80))}; it may be ${may}`);
}
