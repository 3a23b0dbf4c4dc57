import { type AccountRef, chart } from '../ledger/chart.ts';

/** Of a bare id; a path may be longer by its escapes. */
const ID_CHARS_MAX = 128;
const CLIENT = 'asset:client:';
const TYPES = ['asset', 'liability', 'equity', 'income', 'expense', 'memo'];
const CONTROL = /\p{Cc}/u;

/**
 * The account a service names: a bare id, `asset:client:{id}`, or `equity:opening_balances`. What begins as a path of the
 * chart and is neither belongs to the books of processors, which only events and reports move.
 */
export function serviceAccount(named: string): AccountRef | { readonly fault: string } {
  if (CONTROL.test(named) || !named.isWellFormed())
    return { fault: 'must not have control characters or lone surrogates' };
  if (named === chart.openingBalances.path) return chart.openingBalances;
  if (named.startsWith(CLIENT)) {
    const id = unescaped(named.slice(CLIENT.length));
    const account = chart.client(id);
    return account.path === named ? bounded(id, account) : { fault: `is no path of the ledger; write ${account.path}` };
  }
  if (TYPES.includes(named.split(':', 1)[0] ?? ''))
    return {
      fault: `${shortened(named)} is not an account of services: name a client (asset:client:{id} or its bare id) or ${chart.openingBalances.path}; the books of processors are moved by their events and reports alone`,
    };
  return bounded(named, chart.client(named));
}

export function isServiceAccount(path: string): boolean {
  return path.startsWith(CLIENT) || path === chart.openingBalances.path;
}

function bounded(id: string, account: AccountRef): AccountRef | { readonly fault: string } {
  // A client could not ask for "." and "..": the path of a URL loses them.
  if (id.trim() === '' || id === '.' || id === '..') return { fault: 'must name an account' };
  return id.length > ID_CHARS_MAX ? { fault: `must have at most ${ID_CHARS_MAX} characters` } : account;
}

/** The inverse of what the chart does to names. */
function unescaped(part: string): string {
  return part.replaceAll('%3A', ':').replaceAll('%25', '%');
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
