import type { Provider } from '../../src/providers/provider.ts';
import type {
  LineKeys,
  ReportContext,
  ReportItem,
  ReportPart,
  SettlementFormat,
} from '../../src/providers/settlement-format.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import type { SettlementLine } from '../../src/settlement-line.ts';

/**
 * A report that says of itself what a reader makes of it, an item a line, as JSON: tests of the import say what is in a file
 * without a processor's columns between. Line 1 is `#stub`, `#control`, or `#stub {part}/{parts} {key}`.
 */
export type StubItem =
  | StubLine
  | {
      type: 'batch';
      batch: string;
      currency?: string;
      opening?: number;
      closing?: number;
      number?: number;
      day?: string;
    }
  | {
      type: 'settlement.opening' | 'settlement.closing';
      batch: string;
      neighbour: string | null;
      amount: number;
      at?: number;
    }
  | { type: 'fault'; kind: 'unreadable' | 'contradiction'; reason: string; batch?: string }
  | 'not to be read';

export type StubLine = {
  type?: 'line';
  kind: SettlementLine['kind'];
  id: string;
  batch?: string;
  /** Payment, payout, hold. */
  about?: string;
  gross?: number | string;
  fee?: number;
  tax?: number;
  currency?: string;
  payer?: { amount: number; currency: string };
  settled?: { amount: number; currency: string };
  from?: string;
  to?: string;
  residue?: string;
  at?: number;
  occurredAt?: number;
  keys?: LineKeys;
  component?: 'dispute';
  /** What nobody knows what it is for. */
  extra?: string;
};

export const STUB_AT = Date.UTC(2026, 2, 5, 12);

export function stubFile(items: readonly StubItem[], head = '#stub'): string {
  return `${[head, ...items.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)))].join('\n')}\n`;
}

export async function* stubBytes(text: string, chunk = 1_000): AsyncGenerator<Uint8Array, void> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
}

const PART = /^#stub (\d+)\/(\d+) (\w+)/;

function formatOf(name: string, role: 'money' | 'control'): SettlementFormat {
  return {
    name,
    title: name,
    role: () => role,
    mode: 'batch',
    proof: 'opening and closing of each batch',
    documentation: [],
    recognises: (head) => head.startsWith(`#${name}`),
    part(head): ReportPart | null {
      const [, number, parts, key] = PART.exec(head) ?? [];
      return key === undefined ? null : { key, number: Number(number), last: number === parts };
    },
    read,
  };
}

async function* read(
  source: AsyncIterable<Uint8Array>,
  { zone, mode }: ReportContext,
): AsyncIterable<readonly ReportItem[]> {
  let rest = '';
  let row = 0;
  for await (const chunk of source) {
    const lines = (rest + Buffer.from(chunk).toString()).split('\n');
    rest = lines.pop() ?? '';
    const items: ReportItem[] = [];
    for (const text of lines) {
      row += 1;
      if (text !== '' && !text.startsWith('#')) items.push(itemOf(text, row, { zone, mode }));
    }
    yield items;
  }
}

function itemOf(text: string, row: number, { zone }: Pick<ReportContext, 'zone' | 'mode'>): ReportItem {
  if (!text.startsWith('{'))
    return {
      type: 'fault',
      kind: 'unreadable',
      row,
      field: 'kind',
      value: text.slice(0, 200),
      reason: 'must be an item',
    };
  // `as`: our own file.
  const item = JSON.parse(text) as Exclude<StubItem, string>;
  const currency = ('currency' in item ? item.currency : undefined) ?? 'EUR';
  switch (item.type) {
    case 'batch': {
      const { batch, opening, closing, number, day } = item;
      return {
        type: 'batch',
        batch,
        currency,
        ...(opening === undefined ? {} : { opening: BigInt(opening) }),
        ...(closing === undefined ? {} : { closing: BigInt(closing) }),
        ...(number === undefined ? {} : { sequence: { kind: 'number', series: 'stub', value: number } }),
        ...(day === undefined ? {} : { sequence: { kind: 'day', series: 'stub', value: day } }),
      };
    }
    case 'settlement.opening':
    case 'settlement.closing':
      return { ...item, amount: BigInt(item.amount), at: item.at ?? STUB_AT, currency, zone };
    case 'fault':
      return { ...item, row, field: null, value: null };
    default:
      return lineItem(item, { row, text, zone, currency });
  }
}

function lineItem(item: StubLine, at: { row: number; text: string; zone: string; currency: string }): ReportItem {
  const { kind, id, about = '', payer, settled, keys = {}, residue, occurredAt } = item;
  const gross = BigInt(item.gross ?? 0);
  const fee = BigInt(item.fee ?? 0);
  const tax = BigInt(item.tax ?? 0);
  const money = (m: { amount: number; currency: string }) => ({ amount: BigInt(m.amount), currency: m.currency });
  const own = ['payout', 'topup', 'payout_reversal'].includes(kind)
    ? { payout: about, ...(settled === undefined ? {} : { settled: money(settled) }) }
    : kind.startsWith('reserve')
      ? { hold: about }
      : kind === 'carry_forward'
        ? { from: item.from, to: item.to }
        : ['fee', 'tax', 'fx_conversion', 'rounding', 'adjustment', 'other'].includes(kind)
          ? {}
          : {
              reference: about,
              ...(payer === undefined ? {} : { payer: money(payer) }),
              ...(item.component === undefined ? {} : { component: item.component }),
            };
  const line = {
    type: 'settlement.line',
    identity: id,
    kind,
    batch: item.batch ?? 'B1',
    currency: at.currency,
    gross,
    fee,
    tax,
    net: gross - fee - tax,
    at: item.at ?? STUB_AT,
    zone: at.zone,
    ...own,
  } as SettlementLine;
  return {
    type: 'line',
    row: at.row,
    raw: at.text,
    line,
    keys,
    ...(residue === undefined ? {} : { residue }),
    ...(occurredAt === undefined ? {} : { occurredAt }),
  };
}

/** Stripe, but for its reports. */
export const stubProvider: Provider = {
  ...stripe,
  settlements: [formatOf('stub', 'money'), formatOf('control', 'control')],
};
