import type { BankFault, BankItem } from '../bank-format.ts';
import { unreadable } from './bank-fault.ts';
import { type CamtInterim, createCamtInterim } from './camt-interim.ts';
import { type CamtStatement, createCamtStatement } from './camt-statement.ts';
import type { Days } from './day.ts';
import { createIdentities } from './identities.ts';
import { createStatementChain } from './statement-chain.ts';
import { createStatementScopes } from './statement-scopes.ts';
import type { XmlHandlers } from './xml-events.ts';

/** What of a message holds entries; only statements hold what is booked for good. */
const HOLDERS: ReadonlyMap<string, 'statement' | 'interim'> = new Map([
  ['BkToCstmrStmt/Stmt', 'statement'],
  ['BkToCstmrAcctRpt/Rpt', 'interim'],
  ['BkToCstmrDbtCdtNtfctn/Ntfctn', 'interim'],
]);

/** Gathers the statements of one message from its elements; `take` gives what was read since it was last asked. */
export function createCamtStatements(days: Days): XmlHandlers & { take(): BankItem[]; end(): BankFault[] } {
  const file = {
    ...{ days, identities: createIdentities(), scopes: createStatementScopes() },
    ...{ chain: createStatementChain(), keys: new Set<string>() },
  };
  let items: BankItem[] = [];
  let current: { path: string; holder: CamtStatement | CamtInterim } | null = null;
  let message: { name: string; row: number } | null = null;
  let holders = 0;

  function open(path: string, row: number): void {
    if (current !== null) {
      current.holder.open(path.slice(current.path.length + 1), row);
      return;
    }
    const names = path.split('/');
    const name = names.at(-1) ?? '';
    // The message is below Document, or the root where somebody cut that away.
    if (names.length === 2 || (names.length === 1 && name !== 'Document')) message ??= { name, row };
    const kind = HOLDERS.get(names.slice(-2).join('/'));
    if (kind === undefined) return;
    holders += 1;
    current = {
      path,
      holder: kind === 'statement' ? createCamtStatement(row, file) : createCamtInterim(row, name === 'Rpt'),
    };
  }

  function close(path: string, text: string, attributes: Readonly<Record<string, string>>, row: number): void {
    if (current === null) return;
    if (path === current.path) {
      items.push(...current.holder.end());
      current = null;
      return;
    }
    items.push(...current.holder.close(path.slice(current.path.length + 1), text, attributes, row));
  }

  function take(): BankItem[] {
    const taken = items;
    items = [];
    return taken;
  }

  function end(): BankFault[] {
    if (holders > 0) return file.chain.rest();
    const { name, row } = message ?? { name: '', row: 1 };
    return [
      name === 'BkToCstmrStmt'
        ? unreadable(
            { row, field: 'Stmt' },
            'has no statement: a message without any is no proof of days without bookings',
          )
        : unreadable({ row, value: name }, 'is no camt.053 message: it has no BkToCstmrStmt'),
    ];
  }

  return { open, close, take, end };
}
