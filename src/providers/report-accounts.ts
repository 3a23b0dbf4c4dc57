import { bindColumns, cellAt, hasColumns, headRows } from '../header-columns.ts';
import type { ReportFault } from './settlement-format.ts';

/** The account that the first row of a report names in this column; null: it names none there. */
export function firstAccount(head: string, column: string, preamble = 0): string | null {
  const rows = headRows(head, preamble + 2);
  const header = rows.findIndex((cells) => hasColumns(cells, [column]));
  const at = bindColumns(rows[header] ?? [], { account: [column, null] }, [column]);
  const account = at.kind === 'bound' ? cellAt(rows[header + 1] ?? [], at.at.account) : '';
  return header < 0 || account === '' ? null : account;
}

/** Whose rows of a report are read: those of one account. */
export type OwnRows = {
  /** Whether a row of this account is to be read. */
  isOurs(account: string): boolean;
  /** What is said of the others at the report's end. */
  end(): ReportFault[];
};

const NAMED_MAX = 10;

/** `only`: the account that is meant, whatever else is there; absent: the report is of one, the one it begins with. */
export function createOwnRows(only: string | undefined, field: string): OwnRows {
  const others = new Set<string>();
  let ours = only;
  let seen = false;
  const fault = (reason: string): ReportFault[] => [
    { type: 'fault', kind: 'unreadable', row: null, field, value: null, reason },
  ];
  return {
    isOurs(account) {
      // The row is refused, or kept, for other reasons.
      if (account === '') return true;
      ours ??= account;
      if (account === ours) {
        seen = true;
        return true;
      }
      if (others.size <= NAMED_MAX) others.add(account);
      return false;
    },
    end() {
      if (others.size === 0 || (only !== undefined && seen)) return [];
      const names = [...others].slice(0, NAMED_MAX);
      if (others.size > NAMED_MAX) names.push('…');
      return only === undefined
        ? fault(
            `The report is of several accounts, ${ours} and ${names.join(', ')}: import it once for each, and name it`,
          )
        : fault(`The report has no row of ${only}; it is of ${names.join(', ')}`);
    },
  };
}
