import type { Sql } from '../../postgres/sql.ts';
import { selectSuggestions } from '../engine/match-store.ts';
import {
  type DiscrepancyRow,
  findItemAccount,
  selectDiscrepancy,
  selectHistory,
  selectMovements,
} from './discrepancies-store.ts';

const SUGGESTIONS_SHOWN = 20;

/** A discrepancy with both sides' movements, what could be allocated to it, and what was done about it; null: there is none. */
export async function discrepancyDetail(sql: Sql, id: string) {
  const row = await selectDiscrepancy(sql, id);
  if (row === undefined) return null;
  const { movements, suggestions } = await itemDetail(sql, row);
  return { row, movements, suggestions, history: await selectHistory(sql, id) };
}

async function itemDetail(sql: Sql, row: DiscrepancyRow) {
  const { item: role, reference, component, currency } = row;
  const account = role === null ? undefined : await findItemAccount(sql, { ...row, role });
  if (account === undefined) return { movements: [], suggestions: [] };
  const key = { accountId: account.id, reference, component, currency };
  return {
    movements: await selectMovements(sql, { account: account.path, reference, component, currency }),
    suggestions: await selectSuggestions(sql, [key], SUGGESTIONS_SHOWN),
  };
}
