import { describe, expect, it } from 'vitest';
import { readTraceSettings } from '../src/trace-settings.ts';
import { traceBytes, traceOfBytes, traceOfHeader } from '../src/tracing.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('the settings of traces', () => {
  const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

  it('are off unless an endpoint is named, and where they are switched off', () => {
    expect(readTraceSettings({})).toBeNull();
    expect(readTraceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' })).toBeNull();
    expect(readTraceSettings({ ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' })).toBeNull();
    expect(readTraceSettings({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' })).toBeNull();
  });

  it('are those of the standard', () => {
    expect(readTraceSettings(ENDPOINT)).toEqual({
      url: 'http://collector:4318/v1/traces',
      protocol: 'http/protobuf',
      sampler: 'parentbased_always_on',
      ratio: 1,
      delayMs: 5_000,
    });
    expect(
      readTraceSettings({
        ...ENDPOINT,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://other/whole/path',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
        OTEL_TRACES_SAMPLER: 'traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.25',
        OTEL_BSP_SCHEDULE_DELAY: '100',
      }),
    ).toEqual({
      url: 'https://other/whole/path',
      protocol: 'http/json',
      sampler: 'traceidratio',
      ratio: 0.25,
      delayMs: 100,
    });
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
    ['OTEL_BSP_SCHEDULE_DELAY', 'soon'],
  ])('refuse %s=%s in a line that names it', (name, value) => {
    expect(() => readTraceSettings({ ...ENDPOINT, [name]: value })).toThrow(`${name} is "${value}"; it may be`);
  });
});

describe('a trace handed on', () => {
  it('is the same read from where it was kept', () => {
    const context = { traceId: TRACE, spanId: SPAN, traceFlags: 1 };
    expect(traceOfBytes(traceBytes(context))).toEqual({ ...context, isRemote: true });
    expect(traceOfHeader(`00-${TRACE}-${SPAN}-01`)).toEqual({ ...context, isRemote: true });
    // A later version may say more behind it.
    expect(traceOfHeader(`01-${TRACE}-${SPAN}-00-more`)).toEqual({ ...context, traceFlags: 0, isRemote: true });
  });

  it.each([
    undefined,
    ['00-a', 'b'],
    '',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
  ])('is none: %j', (header) => {
    expect(traceOfHeader(header)).toBeNull();
  });

  it.each([null, Buffer.alloc(0), Buffer.alloc(24)])('is none in %j', (bytes) => {
    expect(traceOfBytes(bytes)).toBeNull();
  });
});
