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

export const fromLine = (line: string): Source => ({ ...NONE, line });

/** What a report says as a whole, in no line of its own. */
export const fromReport = (cause: { readonly settlement: string; readonly actor: string }): Source => ({
  ...NONE,
  cause: JSON.stringify({ settlement: cause.settlement, actor: cause.actor }),
});

/** An allocation: which pass found it, how sure it was (0 to 1), and who agreed. */
export const fromMatch = (cause: {
  readonly pass: string;
  readonly score: number;
  readonly actor: string;
}): Source => ({
  ...NONE,
  cause: JSON.stringify({ pass: cause.pass, score: cause.score, actor: cause.actor }),
});

/** What a person did and why; `approver` where a second one had to agree. */
export function fromPerson(cause: {
  readonly actor: string;
  readonly reason: string;
  readonly approver?: string;
}): Source {
  const { actor, reason, approver } = cause;
  return { ...NONE, cause: JSON.stringify({ actor, reason, ...(approver === undefined ? {} : { approver }) }) };
}

/** `cause` says whose request it was. */
export const fromRequest = (request: string, cause: string): Source => ({ ...NONE, request, cause });
