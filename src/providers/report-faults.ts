import type { UnboundColumns } from '../header-columns.ts';
import type { ReportFault } from './settlement-format.ts';

type Where = { readonly row: number | null; readonly field?: string; readonly value?: string; readonly batch?: string };

const SHOWN_MAX = 200;

/** A row or header that cannot be read; `reason` says for people what is wrong, such as "must be a decimal number". */
export function unreadable(where: Where, reason: string): ReportFault {
  return { type: 'fault', kind: 'unreadable', ...placed(where), reason };
}

/** A header whose columns are not bound, each named; `missing` ends what is said of one that is not there. */
export function headerFaults(row: number, { kind, names }: UnboundColumns, missing = 'is missing'): ReportFault[] {
  const reason = kind === 'missing' ? missing : STANDS_TWICE;
  return names.map((name) => unreadable({ row, field: name }, `The column ${name} ${reason}`));
}

const STANDS_TWICE = 'stands in the header more than once, and which of them counts nothing says';

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
