/** What led to a transaction. One of the first three is there, or `cause` says which person or pass it was. */
export type Source = {
  /** The event that told it. */
  readonly event: string | null;
  /** The line of a settlement report or bank statement. */
  readonly line: string | null;
  /** A service's request. */
  readonly request: string | null;
  /** JSON: who did it and why, where a person or a matching pass did. Sealed as it stands. */
  readonly cause: string | null;
};

const NONE: Source = { event: null, line: null, request: null, cause: null };

export const fromEvent = (event: string): Source => ({ ...NONE, event });

/** `cause` says whose request it was. */
export const fromRequest = (request: string, cause: string): Source => ({ ...NONE, request, cause });
