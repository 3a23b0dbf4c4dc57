import type { ReportFault } from './settlement-format.ts';

type Where = { readonly row: number | null; readonly field?: string; readonly value?: string; readonly batch?: string };

const SHOWN_MAX = 200;

/** A row or header that cannot be read; `reason` says for people what is wrong, such as "must be a decimal number". */
export function unreadable(where: Where, reason: string): ReportFault {
  return { type: 'fault', kind: 'unreadable', ...placed(where), reason };
}

/**
 * What a report states and its rows do not come to; both as they would stand in the report. `currency`: of them, where they are
 * amounts in minor units.
 */
export function contradiction(
  where: Where & {
    readonly expected?: string | bigint | number;
    readonly found?: string | bigint | number;
    readonly currency?: string;
  },
  reason: string,
): ReportFault {
  const { expected, found, currency } = where;
  const isAmount = currency !== undefined && typeof expected === 'bigint' && typeof found === 'bigint';
  return {
    type: 'fault',
    kind: 'contradiction',
    ...placed(where),
    reason,
    ...(expected === undefined ? {} : { expected: String(expected) }),
    ...(found === undefined ? {} : { found: String(found) }),
    ...(isAmount ? { difference: { amount: found - expected, currency } } : {}),
  };
}

function placed({ row, field, value, batch }: Where): Pick<ReportFault, 'row' | 'field' | 'value' | 'batch'> {
  return {
    row,
    field: field ?? null,
    value: value === undefined ? null : value.slice(0, SHOWN_MAX),
    ...(batch === undefined ? {} : { batch }),
  };
}
