import { at, parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import type { OpenedReport, ProviderReports, ReportApiContext } from '../provider-reports.ts';

/*
 * docs.adyen.com/reporting/automatically-get-reports: a REPORT_AVAILABLE notification names the file and, as its `reason`, where it
 * is; the report user's key opens it. The file's name is signed and its reason is not: it must be that file's, on a known host, and
 * below its reports.
 */
const HOSTS = ['ca-live.adyen.com', 'ca-test.adyen.com'] as const;
const URL_OF =
  /^https:\/\/(ca-live|ca-test)\.adyen\.com(\/reports\/download\/[A-Za-z]{1,40}\/[A-Za-z0-9_.-]{1,128}\/([A-Za-z0-9_.-]{1,200}))$/;
const KINDS = /^(?:settlement_detail|payments_accounting|aggregate_settlement|settlement_aggregate)/;
const DAYS = 90;
const PERMISSION = 'the role to download reports: it takes the key of the report user (report_key)';

export const reports: ProviderReports = {
  what: 'settlement details, payment accounting and aggregate reports, when REPORT_AVAILABLE says that they are there',
  hosts: HOSTS,
  keySetting: 'report_key',
  days: DAYS,
  unavailable: ({ report_key: key }) => (key === undefined ? 'set report_key, the key of the report user' : null),
  open,
  announced: {
    types: /^REPORT_AVAILABLE$/,
    report(body, item) {
      const told = at(parseExactJson(body), 'notificationItems', item, 'NotificationRequestItem');
      const url = textAt(told, 'reason') ?? '';
      const name = URL_OF.exec(url)?.[3];
      const signed = textAt(told, 'pspReference') ?? '';
      return name !== undefined && KINDS.test(name) && name.startsWith(signed) ? url : null;
    },
  },
};

async function open(url: string, { settings, now, download }: ReportApiContext): Promise<OpenedReport> {
  const [, place, path, fileName] = URL_OF.exec(url) ?? [];
  const host = HOSTS.find((one) => one === `${place}.adyen.com`);
  if (host === undefined || path === undefined || fileName === undefined || path.includes('..'))
    return { kind: 'missing', detail: 'the address is none of a report of Adyen’s' };
  const mode = host === 'ca-live.adyen.com' ? 'live' : 'test';
  if ((settings.mode ?? mode) !== mode) return { kind: 'missing', detail: `the report is of ${mode} mode` };
  const answer = await download({
    method: 'GET',
    host,
    path,
    headers: { 'x-api-key': String(settings.report_key), accept: 'text/csv, application/octet-stream' },
  });
  const { status, headers } = answer;
  if (status === 200) return { kind: 'report', fileName, bytes: answer.body };
  answer.discard();
  if (status === 404 || status === 410) return { kind: 'missing', detail: `${fileName}: answered ${status}` };
  return refusalOf({ status, headers, body: Buffer.alloc(0) }, now, PERMISSION);
}
