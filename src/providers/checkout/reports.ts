import { PosternError } from '../../errors.ts';
import { listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import { idAt } from '../json-report.ts';
import type { ApiContext, TimeRange } from '../provider.ts';
import type { OpenedReport, ProviderReports, ReportApiContext, ReportPage } from '../provider-reports.ts';
import { further } from '../report-pages.ts';
import { ask, hostOf } from './ask.ts';

/*
 * api-reference.checkout.com, "Get all reports" and "Get report file": scheduled reports with their files. Which reports are made is
 * set in the Dashboard.
 */
const PAGE = 100;
const DAYS = 365;
const PERMISSION = 'the scope "reports"';
/** Other reports are made too: chargebacks, balances, in other columns. */
const FILE = /^(?:financial-actions|settlement-breakdown|payouts)_[\w.-]{1,200}\.csv$/i;
const REPORT = /^([\w-]{1,64})\/([\w-]{1,64})\/([\w.-]{1,250})$/;

export const reports: ProviderReports = {
  what: 'scheduled financial actions, settlement breakdown and payouts reports',
  days: DAYS,
  page,
  open,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ReportPage> {
  const query = new URLSearchParams({
    created_after: new Date(range.from).toISOString(),
    created_before: new Date(range.to).toISOString(),
    limit: String(PAGE),
    ...(cursor === null ? {} : { pagination_token: cursor }),
  });
  const answer = await ask(`/reports?${query}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, PERMISSION);
  const body = parseExactJson(answer.body);
  const found = listAt(body, 'data').flatMap((report) =>
    listAt(report, 'files').flatMap((file) => {
      const [id, fileId, name = ''] = [idAt(report, 'id'), idAt(file, 'id'), textAt(file, 'filename')];
      return id !== undefined && fileId !== undefined && FILE.test(name) ? [`${id}/${fileId}/${name}`] : [];
    }),
  );
  return { kind: 'page', reports: found, next: further(tokenOf(textAt(body, '_links', 'next', 'href')), cursor) };
}

/** Of the link to the next page only the token is taken: where we ask is not for an answer to say. */
function tokenOf(href: string | undefined): string | undefined {
  if (href === undefined) return undefined;
  const token = URL.canParse(href) ? new URL(href).searchParams.get('pagination_token') : null;
  if (token === null || token === '')
    throw new PosternError('unreadable_event', 'the link to the next page names no page');
  return token;
}

async function open(report: string, { settings, now, download }: ReportApiContext): Promise<OpenedReport> {
  const [, id, file, fileName] = REPORT.exec(report) ?? [];
  if (id === undefined || file === undefined || fileName === undefined)
    return { kind: 'missing', detail: `"${report.slice(0, 80)}" names no report` };
  const answer = await download({
    method: 'GET',
    host: hostOf(settings),
    path: `/reports/${id}/files/${file}`,
    headers: { authorization: `Bearer ${String(settings.api_key)}`, accept: 'text/csv, application/octet-stream' },
  });
  const { status, headers } = answer;
  if (status === 200) return { kind: 'report', fileName, bytes: answer.body };
  answer.discard();
  if (status === 404 || status === 410) return { kind: 'missing', detail: `${fileName}: answered ${status}` };
  // Where the file lies elsewhere nothing says on which host: it is not followed.
  if (status >= 300 && status < 400)
    return { kind: 'refused', detail: `answered ${status}: the file is on another host; download it and import it` };
  return refusalOf({ status, headers, body: Buffer.alloc(0) }, now, PERMISSION);
}
