import type { BankEntry, BankFault, BankFormat, BankStatement } from '../../src/reconcile/bank-format.ts';

export type ReadBank = {
  readonly entries: readonly BankEntry[];
  readonly statements: readonly BankStatement[];
  readonly faults: readonly BankFault[];
};

/** Reads a statement whole, its bytes cut every `chunk`. */
export async function readBank(
  format: BankFormat,
  file: string | Uint8Array,
  options: {
    readonly mapping?: unknown;
    readonly zone?: string;
    readonly fileName?: string;
    readonly chunk?: number;
  } = {},
): Promise<ReadBank> {
  const { mapping = null, zone = 'Europe/Berlin', fileName = null, chunk = 65_536 } = options;
  return readBankStream(format, cut(Buffer.from(file), chunk), { mapping, zone, fileName });
}

export async function readBankStream(
  format: BankFormat,
  source: AsyncIterable<Uint8Array>,
  context: { readonly mapping: unknown; readonly zone: string; readonly fileName: string | null },
): Promise<ReadBank> {
  const read = { entries: [] as BankEntry[], statements: [] as BankStatement[], faults: [] as BankFault[] };
  for await (const items of format.read(source, context)) {
    for (const item of items) {
      if (item.type === 'entry') read.entries.push(item);
      else if (item.type === 'statement') read.statements.push(item);
      else read.faults.push(item);
    }
  }
  return read;
}

async function* cut(bytes: Uint8Array, chunk: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += chunk) yield bytes.subarray(from, from + chunk);
}
