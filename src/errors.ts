/**
 * The closed list of what Postern throws. What is expected is returned as a union; what is thrown has a code from
 * this list, says what to do, and says whether trying again can help. `http` is the one place that maps a code to an
 * answer: never 4xx for a fault of ours.
 */
const CODES = {
  config_invalid: { http: 500, retryable: false },
  database_unreachable: { http: 503, retryable: true },
  database_unsupported: { http: 500, retryable: false },
  database_schema: { http: 500, retryable: false },
  data_folder_in_use: { http: 500, retryable: false },
  embedded_postgres: { http: 500, retryable: true },
  encryption_key: { http: 500, retryable: false },
  invalid_request: { http: 400, retryable: false },
  unauthenticated: { http: 401, retryable: false },
  forbidden: { http: 403, retryable: false },
  not_found: { http: 404, retryable: false },
  removed: { http: 410, retryable: false },
  method_not_allowed: { http: 405, retryable: false },
  request_timeout: { http: 408, retryable: true },
  conflict: { http: 409, retryable: false },
  too_large: { http: 413, retryable: false },
  overloaded: { http: 503, retryable: true },
  commit_unknown: { http: 503, retryable: true },
  unreadable_event: { http: 500, retryable: false },
  amount_invalid: { http: 500, retryable: false },
  currency_unknown: { http: 500, retryable: false },
  rule_failed: { http: 500, retryable: false },
  worker_killed: { http: 500, retryable: false },
  egress_refused: { http: 500, retryable: false },
  egress_failed: { http: 503, retryable: true },
  internal: { http: 500, retryable: false },
} as const satisfies Record<string, { http: number; retryable: boolean }>;

export type ErrorCode = keyof typeof CODES;

/** What was wrong where; `path` is a JSON pointer or the name of a parameter. */
export type Fault = { path: string; message: string };

export class PosternError extends Error {
  override readonly name = 'PosternError';
  readonly code: ErrorCode;
  readonly http: number;
  readonly retryable: boolean;
  readonly faults: readonly Fault[];

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; faults?: readonly Fault[] } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.http = CODES[code].http;
    this.retryable = CODES[code].retryable;
    this.faults = options.faults ?? [];
  }
}

/** Marks the branch that the types say cannot be reached. */
export function assertNever(value: never): never {
  // JSON knows no bigint, and whatever carries an amount would be an error about JSON instead of one about itself.
  const text = JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? String(member) : member));
  throw new PosternError('internal', `unexpected value ${text}`);
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
