import type { ApiAnswer, ApiCall, ApiContext, EndpointSettings, Fetched, TimeRange } from './provider.ts';

/**
 * Settlement reports that a processor gives out by its API. A report is named by a text of the adapter's (a payout's id, a day);
 * fetched again it has the same lines.
 */
export type ProviderReports = {
  /** What is fetched, in a few words for docs/providers.md: "payouts with their entries". */
  readonly what: string;
  /** Hosts beside those of the API that files come from, exactly. */
  readonly hosts?: readonly string[];
  /** Which of the endpoint's settings holds the key, where it is another than the API's. */
  readonly keySetting?: string;
  /** How far back there are reports, in days. */
  readonly days: number;
  /** Why none is fetched for an endpoint with these settings, as the end of "fetches nothing for it: …"; null: they are. */
  unavailable?(settings: EndpointSettings): string | null;
  /**
   * One page of the reports that belong into `[from, to)` (unix ms), oldest or newest first; `cursor` is null at first and then what
   * the page before named. Absent: nothing is listed, and each report is announced by a webhook. Throws only what `call` throws,
   * and PosternError `unreadable_event` where the answer is none.
   */
  page?(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ReportPage>;
  /**
   * From when on nothing is added to a report (unix ms), where it can be fetched before: a day's, once the day is over. What was
   * fetched earlier is fetched once more then. Null, or absent: it is whole when it is there.
   */
  wholeAt?(report: string): number | null;
  /** The report's bytes. Throws only what `call` and `download` throw. */
  open(report: string, context: ReportApiContext): Promise<OpenedReport>;
  /** Which events say that a report is there, and which it is. */
  readonly announced?: {
    readonly types: RegExp;
    /** From the webhook's body; `item` is the event's place in it. Null: none that can be fetched. */
    report(body: Buffer, item: number): string | null;
  };
};

export type ReportPage =
  | { readonly kind: 'page'; readonly reports: readonly string[]; readonly next: string | null }
  | Extract<Fetched, { kind: 'refused' | 'later' }>;

export type OpenedReport =
  /** `bytes` may throw PosternError `egress_failed` on the way: then the report is fetched again. */
  | { readonly kind: 'report'; readonly fileName: string; readonly bytes: AsyncIterable<Uint8Array> }
  | Extract<Fetched, { kind: 'missing' | 'refused' | 'later' }>;

export type ReportApiContext = ApiContext & {
  /** As `call`, for a file of any size: it must be read to its end, or discarded. */
  download(request: ApiCall): Promise<ApiDownload>;
};

export type ApiDownload = Omit<ApiAnswer, 'body'> & {
  readonly body: AsyncIterable<Buffer>;
  discard(): void;
};
