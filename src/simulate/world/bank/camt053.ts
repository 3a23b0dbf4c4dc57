import { major } from '../decimal.ts';
import { localTime } from '../local-time.ts';
import type { BankBooking, Statement } from './bank-entry.ts';

/** ISO 20022 camt.053.001.08, one statement a file. */
export function camt053(statement: Statement): string {
  const { account, currency, number, from, to, opening, closing, bookings, zone } = statement;
  const id = `STMT-${number}-${day(from, zone)}`;
  const made = `${day(to, zone)}T23:30:00`;
  const balance = (code: string, amount: bigint, at: number): string =>
    `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp>${money(amount, statement)}<Dt><Dt>${day(at, zone)}</Dt></Dt></Bal>`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>',
    `<GrpHdr><MsgId>MSG-${id}</MsgId><CreDtTm>${made}</CreDtTm></GrpHdr>`,
    `<Stmt><Id>${id}</Id><ElctrncSeqNb>${number}</ElctrncSeqNb><CreDtTm>${made}</CreDtTm>`,
    `<FrToDt><FrDtTm>${day(from, zone)}T00:00:00</FrDtTm><ToDtTm>${day(to, zone)}T23:59:59</ToDtTm></FrToDt>`,
    `<Acct><Id><IBAN>${account}</IBAN></Id><Ccy>${currency.code}</Ccy></Acct>`,
    balance('OPBD', opening, from),
    balance('CLBD', closing, to),
    ...bookings.map((booking) => entry(booking, statement)),
    '</Stmt></BkToCstmrStmt></Document>',
    '',
  ].join('\n');
}

function entry(booking: BankBooking, statement: Statement): string {
  const { at, amount, endToEnd, text, party, bankReference } = booking;
  const role = amount < 0n ? 'Cdtr' : 'Dbtr';
  const date = day(at, statement.zone);
  return [
    `<Ntry><NtryRef>${bankReference}</NtryRef>${money(amount, statement)}<Sts><Cd>BOOK</Cd></Sts>`,
    `<BookgDt><Dt>${date}</Dt></BookgDt><ValDt><Dt>${date}</Dt></ValDt><AcctSvcrRef>${bankReference}</AcctSvcrRef>`,
    '<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>',
    `<NtryDtls><TxDtls><Refs><EndToEndId>${escaped(endToEnd ?? 'NOTPROVIDED')}</EndToEndId></Refs>`,
    `<RltdPties><${role}><Pty><Nm>${escaped(party)}</Nm></Pty></${role}></RltdPties>`,
    `<RmtInf><Ustrd>${escaped(text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`,
  ].join('');
}

function money(amount: bigint, { currency }: Statement): string {
  const [unsigned, mark] = amount < 0n ? [-amount, 'DBIT'] : [amount, 'CRDT'];
  return `<Amt Ccy="${currency.code}">${major(unsigned, currency)}</Amt><CdtDbtInd>${mark}</CdtDbtInd>`;
}

const day = (ms: number, zone: string): string => localTime(ms, zone).slice(0, 10);

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
