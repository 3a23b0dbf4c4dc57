import type { BankFormat, BankItem } from '../bank-format.ts';
import { unreadable, withFaultsMax } from './bank-fault.ts';
import { createDays } from './day.ts';
import { createIdentities } from './identities.ts';
import { mt940Parts } from './mt940-fields.ts';
import { createMt940Message, type Mt940File, type Mt940Message } from './mt940-message.ts';
import { createStatementChain } from './statement-chain.ts';
import { createStatementScopes } from './statement-scopes.ts';
import { LINE_BYTES_MAX, textLines } from './text-lines.ts';

/**
 * SWIFT MT940, customer statement message, as banks hand it out as a file: with or without blocks, headers and hyphens, in any
 * of the dialects that real files show (docs/bank-statements.md).
 *
 * Proof: opening (:60F:, :60M:) + booked lines (:61:) = closing (:62F:, :62M:); pages and numbered statements (:28C:) continue
 * each other. MT942 and MT941 are interim reports, recognised and refused.
 */
export const mt940: BankFormat = {
  name: 'mt940',
  title: 'SWIFT MT940',
  recognises: (head) => /(?:^|\n|\{4:)[ \t]*:20:/.test(head) && /\n:(?:25P?|28C?|60[FM]|61|34F|13D?):/.test(head),
  read: (source, { zone }) => withFaultsMax(statements(source, zone)),
};

async function* statements(source: AsyncIterable<Uint8Array>, zone: string): AsyncGenerator<readonly BankItem[]> {
  const file: Mt940File = {
    days: createDays(zone),
    identities: createIdentities(),
    scopes: createStatementScopes(),
    chain: createStatementChain(),
    keys: new Set(),
  };
  let message: Mt940Message | null = null;
  let type: string | null = null;
  let lastStray = -1;
  let messages = 0;
  for await (const parts of mt940Parts(textLines(source))) {
    const items: BankItem[] = [];
    for (const part of parts) {
      if (part.kind === 'type') type = part.type;
      else if (part.kind === 'too long')
        items.push(unreadable({ row: part.row }, `is longer than ${LINE_BYTES_MAX} bytes: this is no MT940 file`));
      else if (part.kind === 'stray') {
        // Of a file that is none, the first line is enough.
        if (part.row !== lastStray + 1)
          items.push(unreadable({ row: part.row, value: part.text }, 'belongs to no field: this is no line of MT940'));
        lastStray = part.row;
      } else if (part.kind === 'end') {
        if (message !== null) items.push(...message.end());
        message = null;
        type = null;
      } else {
        if (part.tag === '20' && message !== null) {
          items.push(...message.end());
          message = null;
        }
        if (message === null) {
          messages += 1;
          message = createMt940Message(part.row, type, file);
          if (part.tag !== '20')
            items.push(
              unreadable({ row: part.row, field: `:${part.tag}:` }, 'stands before the beginning (:20:) of a message'),
            );
        }
        items.push(...message.field(part));
      }
    }
    if (items.length > 0) yield items;
  }
  const rest: BankItem[] = [...(message?.end() ?? []), ...file.chain.rest()];
  if (messages === 0 && lastStray === -1)
    rest.push(unreadable({ row: 1 }, 'has no message (:20:): this is no MT940 file'));
  if (rest.length > 0) yield rest;
}
