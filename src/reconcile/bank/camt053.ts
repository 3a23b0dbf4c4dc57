import type { BankFormat, BankItem } from '../bank-format.ts';
import { unreadable, withFaultsMax } from './bank-fault.ts';
import { createCamtStatements } from './camt-statements.ts';
import { createDays } from './day.ts';
import { createXmlEvents, type XmlFault } from './xml-events.ts';
import { xmlText } from './xml-text.ts';

/**
 * ISO 20022 camt.053, bank to customer statement, versions 001.02 to 001.08 and whatever keeps their shape: their differences
 * (where the status stands, where a party's name) are read as they come, with or without namespace.
 *
 * Proof: opening (OPBD, else PRCD) + booked entries = closing (CLBD), by currency; counts and sums of the summary (TxsSummry)
 * where there is one; pages and numbered statements continue each other; the transactions of a batch come to its entry.
 */
export const camt053: BankFormat = {
  name: 'camt.053',
  title: 'ISO 20022 camt.053 (XML)',
  recognises: (head) => /^\ufeff?\s*</.test(head) && MESSAGE.test(head),
  read: (source, { zone }) => withFaultsMax(statements(source, zone)),
};

const MESSAGE =
  /<(?:[\w.-]+:)?(?:BkToCstmrStmt|BkToCstmrAcctRpt|BkToCstmrDbtCdtNtfctn)[\s/>]|:camt\.05[234]\.\d{3}\.\d{2}/;

async function* statements(source: AsyncIterable<Uint8Array>, zone: string): AsyncGenerator<readonly BankItem[]> {
  const camt = createCamtStatements(createDays(zone));
  const xml = createXmlEvents(camt);
  const told = (fault: XmlFault): BankItem[] => [...camt.take(), unreadable({ row: fault.row }, fault.reason)];
  const text = xmlText(source);
  for (;;) {
    const { done, value } = await text.next();
    if (done === true) {
      const fault =
        value === null
          ? xml.end()
          : { row: 1, reason: `is in the encoding "${value}", which is not read: save it as UTF-8` };
      yield fault === null ? [...camt.take(), ...camt.end()] : told(fault);
      return;
    }
    const fault = xml.write(value);
    if (fault !== null) {
      await text.return(null);
      yield told(fault);
      return;
    }
    const items = camt.take();
    if (items.length > 0) yield items;
  }
}
