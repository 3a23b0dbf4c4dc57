import { moneyText, readAmount } from './bank-amount.ts';
import { accountText, isFiller } from './entry-references.ts';

type Attributes = Readonly<Record<string, string>>;
type Side = 'Dbtr' | 'Cdtr';
type Party = { readonly name: string | null; readonly account: string | null };

/** One NtryDtls: how many it says that it has, and what those that are there come to. */
type Group = { stated: number | null; batch: boolean; count: number; known: number; sum: bigint };
type Transaction = { text: string; currency: string; direction: string; rank: number };

/** Of a batch of a hundred thousand, what is kept for matching. */
const KEPT_MAX = 1_000;
const KEPT_LENGTH_MAX = 500;

const DETAILS = 'NtryDtls/TxDtls';
const TEXTS = ['RmtInf/Ustrd', 'RmtInf/Strd/AddtlRmtInf', 'AddtlTxInf'].map((path) => `${DETAILS}/${path}`);
const REFERENCES = ['RmtInf/Strd/CdtrRefInf/Ref', 'RmtInf/Strd/CdtrRefInf/CdtrRef', 'RmtInf/Strd/RfrdDocInf/Nb']
  .map((path) => `${DETAILS}/${path}`)
  .concat('NtryDtls/Btch/MsgId', 'NtryDtls/Btch/PmtInfId');
const PARTY =
  /^NtryDtls\/TxDtls\/RltdPties\/(?:(?<ultimate>Ultmt)?(?<name>Dbtr|Cdtr)(?:\/Pty)?\/Nm|(?<account>Dbtr|Cdtr)Acct\/Id\/(?:IBAN|Othr\/Id))$/;
// The amount of a transaction: its own (from 001.03 on), else the one in its details (001.02).
const AMOUNTS: ReadonlyMap<string, number> = new Map([
  [`${DETAILS}/Amt`, 2],
  [`${DETAILS}/AmtDtls/TxAmt/Amt`, 1],
]);

/** Gathers what an entry's details (NtryDtls) say: references, parties, texts, and the amounts of its transactions. */
export function createCamtDetails() {
  const references: string[] = [];
  const texts: string[] = [];
  const names: Record<Side, Set<string>> = { Dbtr: new Set(), Cdtr: new Set() };
  const ultimates: Record<Side, Set<string>> = { Dbtr: new Set(), Cdtr: new Set() };
  const accounts: Record<Side, Set<string>> = { Dbtr: new Set(), Cdtr: new Set() };
  const groups: Group[] = [];
  let hasCharges = false;
  let transaction: Transaction = { text: '', currency: '', direction: '', rank: 0 };
  let entryCurrency: string | null = null;
  let undirected = 0;
  let bankReference: string | null = null;

  const keep = (list: string[], text: string): void => {
    if (list.length < KEPT_MAX && text !== '') list.push(text.slice(0, KEPT_LENGTH_MAX));
  };
  const note = (set: Set<string>, text: string): void => {
    // Two are enough to know that it is not the one.
    if (set.size < 2 && text !== '' && !isFiller(text)) set.add(text.slice(0, KEPT_LENGTH_MAX));
  };

  function open(path: string): void {
    if (path === 'NtryDtls') groups.push({ stated: null, batch: false, count: 0, known: 0, sum: 0n });
    if (path === `${DETAILS}/Chrgs` || path === 'Chrgs') hasCharges = true;
    if (path === DETAILS) transaction = { text: '', currency: '', direction: '', rank: 0 };
  }

  function close(path: string, text: string, attributes: Attributes): void {
    if (TEXTS.includes(path)) keep(texts, text);
    if (REFERENCES.includes(path) || (path.startsWith(`${DETAILS}/Refs/`) && !path.endsWith('/Tp')))
      keep(references, text);
    if (path === `${DETAILS}/Refs/AcctSvcrRef`) bankReference ??= text;
    const rank = AMOUNTS.get(path) ?? 0;
    if (rank > transaction.rank) Object.assign(transaction, { text, currency: attributes.Ccy ?? '', rank });
    if (path === `${DETAILS}/CdtDbtInd`) transaction.direction = text;
    const group = groups.at(-1);
    if (group !== undefined && path === DETAILS) countIn(group);
    if (group !== undefined && path === 'NtryDtls/Btch') group.batch = true;
    if (group !== undefined && path === 'NtryDtls/Btch/NbOfTxs' && /^\d{1,9}$/.test(text)) group.stated = Number(text);
    const party = PARTY.exec(path)?.groups;
    if (party?.name !== undefined) note((party.ultimate === undefined ? names : ultimates)[sideOf(party.name)], text);
    if (party?.account !== undefined) note(accounts[sideOf(party.account)], accountText(text));
  }

  function countIn(group: Group): void {
    group.count += 1;
    const amount = readAmount(transaction.text, transaction.currency);
    if (amount.kind === 'fault' || amount.value === 0n) return;
    entryCurrency ??= transaction.currency;
    if (entryCurrency !== transaction.currency) return;
    group.known += 1;
    group.sum += transaction.direction === 'DBIT' ? -amount.value : amount.value;
    if (transaction.direction === '') undirected += 1;
  }

  /** Of a batch with several payers or payees: none. */
  function counterparty(side: Side, ownAccount: string): Party {
    const other = side === 'Dbtr' ? 'Cdtr' : 'Dbtr';
    const account = only(accounts[side]);
    // Banks that keep the roles of what a booking takes back: the account's holder is not its own counterparty.
    const chosen = account !== null && account === ownAccount ? other : side;
    return { name: only(names[chosen]) ?? only(ultimates[chosen]), account: only(accounts[chosen]) };
  }

  /** Where the transactions of an entry are all there with their amounts, and do not come to it. */
  function disagreement(
    amount: bigint,
    currency: string,
    direction: bigint,
  ): { reason: string; expected: string; found: string }[] {
    const short = groups.find(({ stated, count }) => stated !== null && count > 1 && stated !== count);
    if (short !== undefined)
      return [
        {
          reason: 'it does not have as many transactions as its batch says (NbOfTxs)',
          expected: `${short.stated} transactions`,
          found: `${short.count} transactions`,
        },
      ];
    const count = groups.reduce((sum, group) => sum + group.count, 0);
    const isWhole =
      count > 0 && groups.every(({ count: all, known, stated }) => known === all && (stated ?? all) === all);
    const isBatch = count > 1 || groups.some(({ batch }) => batch);
    // With charges the entry is less or more than its transactions, and banks differ in telling which.
    const isClear = undirected === 0 || undirected === count;
    if (!isWhole || !isBatch || !isClear || hasCharges || entryCurrency !== currency) return [];
    const sum = groups.reduce((total, group) => total + group.sum, 0n) * (undirected > 0 ? direction : 1n);
    if (sum === amount * direction) return [];
    return [
      {
        reason: 'its transactions (TxDtls) do not come to its amount',
        expected: moneyText(amount * direction, currency),
        found: moneyText(sum, currency),
      },
    ];
  }

  /** The bank's own reference of an entry's only transaction, which is the entry's. */
  function onlyBankReference(): string | null {
    const [group, ...more] = groups.filter(({ count, stated }) => count > 0 || (stated ?? 0) > 0);
    return group?.count === 1 && (group.stated ?? 1) === 1 && more.length === 0 ? bankReference : null;
  }

  return {
    ...{ open, close, counterparty, disagreement, onlyBankReference },
    ...{ references: () => references, texts: () => texts },
  };
}

const sideOf = (name: string): Side => (name === 'Dbtr' ? 'Dbtr' : 'Cdtr');

const only = (set: ReadonlySet<string>): string | null => (set.size === 1 ? ([...set][0] ?? null) : null);
