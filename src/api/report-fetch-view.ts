import { type Static, Type } from 'typebox';
import type { FetchRow } from '../reconcile/fetch/report-fetch-store.ts';

const Status = Type.Union([
  Type.Literal('queued'),
  Type.Literal('running'),
  Type.Literal('done'),
  Type.Literal('failed'),
]);
const NullableTime = Type.Union([Type.String({ format: 'date-time' }), Type.Null()]);
const NullableText = Type.Union([Type.String(), Type.Null()]);

export const ReportFetchShape = Type.Object(
  {
    id: Type.String(),
    provider: Type.String(),
    endpoint: Type.String(),
    from: NullableTime,
    to: NullableTime,
    origin: Type.Union([Type.Literal('asked'), Type.Literal('schedule'), Type.Literal('webhook')]),
    status: Status,
    found: Type.Union([Type.Integer({ description: 'reports in the range' }), Type.Null()]),
    error: NullableText,
    created_at: Type.String({ format: 'date-time' }),
    finished_at: NullableTime,
    reports: Type.Array(
      Type.Object({
        report: Type.String({ description: 'as the processor names it' }),
        status: Status,
        settlement: Type.Union([Type.String({ description: 'what it was imported as' }), Type.Null()]),
        detail: NullableText,
      }),
    ),
  },
  { description: 'reports fetched from the processor: done when each of them is done or failed' },
);

/** The order and the reports in its range; done only when all of them are. */
export function reportFetchView([order, ...reports]: readonly FetchRow[]): Static<typeof ReportFetchShape> | null {
  if (order === undefined) return null;
  const own = order.report === null ? reports : [order, ...reports];
  const open = own.some(({ status }) => status === 'queued' || status === 'running');
  const status =
    order.status === 'done' && open ? 'running' : own.some((one) => one.status === 'failed') ? 'failed' : order.status;
  const lastAt = own.reduce<Date | null>(
    (last, one) => (one.finished_at !== null && (last === null || one.finished_at > last) ? one.finished_at : last),
    order.finished_at,
  );
  return {
    id: order.id,
    provider: order.provider,
    endpoint: order.endpoint,
    from: order.from_at?.toISOString() ?? null,
    to: order.to_at?.toISOString() ?? null,
    origin: order.origin,
    status,
    found: order.found,
    error: order.status === 'failed' ? order.detail : null,
    created_at: order.created_at.toISOString(),
    finished_at: open ? null : (lastAt?.toISOString() ?? null),
    reports: own.map((one) => ({
      report: one.report ?? '',
      status: one.status,
      settlement: one.settlement_id,
      detail: one.detail,
    })),
  };
}
