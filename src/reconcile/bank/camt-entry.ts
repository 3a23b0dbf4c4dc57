import type { BankEntry, BankFault } from '../bank-format.ts';
import { readAmount } from './bank-amount.ts';
import { contradiction, unreadable } from './bank-fault.ts';
import { createCamtDetails } from './camt-details.ts';
import type { Days } from './day.ts';
import { entryReferences, entryText, isFiller } from './entry-references.ts';
import { createRawXml } from './raw-xml.ts';

type Attributes = Readonly<Record<string, string>>;

/** An entry (Ntry) but for what its statement gives it. */
export type CamtEntry = Omit<BankEntry, 'account' | 'statement' | 'identity'> & {
  /** The bank's own id of the booking. */
  readonly bankReference: string | null;
  /** The booking day as the bank writes it. */
  readonly day: string;
};

export type CamtEntryRead =
  | { readonly kind: 'booked'; readonly entry: CamtEntry; readonly faults: readonly BankFault[] }
  /** Pending or for information: not booked. */
  | { readonly kind: 'not booked' }
  | { readonly kind: 'faults'; readonly faults: readonly BankFault[] };

const NOT_BOOKED = new Set(['PDNG', 'INFO', 'FUTR']);
const DIRECTIONS: ReadonlyMap<string, 1n | -1n> = new Map([
  ['CRDT', 1n],
  ['DBIT', -1n],
]);

export type CamtEntryReader = ReturnType<typeof createCamtEntryReader>;

/** Gathers one Ntry, by paths below it, of versions 001.02 to 001.08 and after. */
export function createCamtEntryReader(row: number) {
  const values = new Map<string, { text: string; currency: string; row: number }>();
  const details = createCamtDetails();
  const raw = createRawXml();

  function open(path: string): void {
    raw.open(path);
    details.open(path);
  }

  function close(path: string, text: string, attributes: Attributes, at: number): void {
    raw.close(path, text, attributes);
    if (OWN.has(path)) values.set(path, { text, currency: attributes.Ccy ?? '', row: at });
    else details.close(path, text, attributes);
  }

  const textOf = (...paths: readonly string[]): string | undefined =>
    paths.map((path) => values.get(path)?.text).find((text) => text !== undefined && text !== '');

  function day(paths: readonly string[], days: Days): { day: string; at: number } | BankFault | null {
    const path = paths.find((name) => values.has(name));
    const value = path === undefined ? undefined : values.get(path);
    if (path === undefined || value === undefined) return null;
    const at = days.iso(value.text);
    return at === null
      ? unreadable(
          { row: value.row, field: path, value: value.text },
          'must be a day, such as 2026-03-01, or a time of one',
        )
      : { day: value.text.slice(0, 10), at };
  }

  function read(days: Days, ownAccount: string): CamtEntryRead {
    const status = textOf('Sts', 'Sts/Cd', 'Sts/Prtry');
    if (status !== undefined && NOT_BOOKED.has(status)) return { kind: 'not booked' };
    const faults: BankFault[] = [];
    if (status !== 'BOOK')
      faults.push(unreadable({ row, field: 'Sts', value: status ?? '' }, 'must be BOOK, PDNG, INFO or FUTR'));

    const amount = values.get('Amt') ?? { text: '', currency: '', row };
    const read = readAmount(amount.text, amount.currency);
    if (read.kind === 'fault')
      faults.push(unreadable({ row: amount.row, field: 'Amt', value: amount.text }, read.reason));
    const word = textOf('CdtDbtInd') ?? '';
    const direction = DIRECTIONS.get(word);
    if (direction === undefined)
      faults.push(unreadable({ row, field: 'CdtDbtInd', value: word }, 'must be CRDT or DBIT'));
    const booked = day(['BookgDt/Dt', 'BookgDt/DtTm'], days);
    const value = day(['ValDt/Dt', 'ValDt/DtTm'], days);
    // Either alone is enough: some banks tell only the value date of interest and charges.
    const at = booked ?? value;
    if (at === null) faults.push(unreadable({ row, field: 'BookgDt' }, 'has neither a booking nor a value date'));
    for (const fault of [booked, value]) if (fault !== null && 'type' in fault) faults.push(fault);
    if (faults.length > 0 || read.kind === 'fault' || direction === undefined || at === null || 'type' in at)
      return { kind: 'faults', faults };

    const currency = amount.currency;
    const reversal = ['true', '1'].includes(textOf('RvslInd') ?? '');
    const ownReference = textOf('AcctSvcrRef')?.replaceAll(/\s+/g, ' ') ?? null;
    // Some banks have it only in the transaction.
    const bankReference = [ownReference, details.onlyBankReference()?.replaceAll(/\s+/g, ' ') ?? null].find(
      (reference) => reference !== null && !isFiller(reference),
    );
    // What a reversal takes back had its parties the other way round, and they keep their names.
    const counterparty = details.counterparty((direction === 1n) !== reversal ? 'Dbtr' : 'Cdtr', ownAccount);
    return {
      kind: 'booked',
      entry: {
        type: 'entry',
        row,
        raw: raw.text(),
        amount: read.value * direction,
        currency,
        at: at.at,
        valueAt: value === null || 'type' in value ? null : value.at,
        references: entryReferences([ownReference, textOf('NtryRef'), ...details.references()]),
        counterparty,
        text: entryText([...details.texts(), textOf('AddtlNtryInf')]),
        reversal,
        bankReference: bankReference ?? null,
        day: at.day,
      },
      faults: details
        .disagreement(read.value, currency, direction)
        .map(({ reason, expected, found }) => contradiction({ row, field: 'NtryDtls' }, reason, { expected, found })),
    };
  }

  /** As far as it can be read: of an entry that is not imported, for the sum of those. */
  function money(): { amount: bigint; currency: string } | null {
    const { text, currency } = values.get('Amt') ?? { text: '', currency: '' };
    const amount = readAmount(text, currency);
    const direction = DIRECTIONS.get(textOf('CdtDbtInd') ?? '');
    return amount.kind === 'fault' || direction === undefined ? null : { amount: amount.value * direction, currency };
  }

  return { open, close, read, money };
}

const OWN = new Set([
  'Amt',
  'CdtDbtInd',
  'RvslInd',
  'Sts',
  'Sts/Cd',
  'Sts/Prtry',
  'BookgDt/Dt',
  'BookgDt/DtTm',
  'ValDt/Dt',
  'ValDt/DtTm',
  'NtryRef',
  'AcctSvcrRef',
  'AddtlNtryInf',
]);
