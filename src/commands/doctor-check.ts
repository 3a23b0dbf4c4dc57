/** One thing doctor looked at. `mend` says what to do, where there is something to do. `info`: right as it is, and good to know. */
export type Check = {
  readonly name: string;
  readonly status: 'ok' | 'info' | 'warning' | 'failed';
  readonly found: string;
  readonly mend: string | null;
};

export function ok(name: string, found: string): Check {
  return { name, status: 'ok', found, mend: null };
}
