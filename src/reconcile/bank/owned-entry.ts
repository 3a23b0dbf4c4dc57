import type { PostRequest } from '../../ledger/post.ts';
import { fromLine } from '../../ledger/source.ts';

/** An entry that a pattern says is a processor account's. */
export type OwnedEntry = {
  /** Of its row. */
  readonly id: string;
  readonly bankAccount: string;
  readonly identity: string;
  readonly amount: bigint;
  readonly currency: string;
  /** Unix ms: the booking date. */
  readonly at: number;
  readonly zone: string;
  readonly owner: { readonly provider: string; readonly account: string };
};

/** Posted under its own identity, until a match says which payout it pays. Pure. */
export function ownedRequest({ id, owner, ...entry }: OwnedEntry): PostRequest {
  const { provider, account } = owner;
  return {
    ...{ provider, account, source: fromLine(id), marketplace: null },
    events: [{ type: 'bank.line', reference: entry.identity, ...entry }],
  };
}
