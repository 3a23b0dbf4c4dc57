import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { listed as coinbaseCommerce } from '../providers/coinbase-commerce/listed.ts';
import { listed as klarna } from '../providers/klarna/listed.ts';
import { listed as lemonsqueezy } from '../providers/lemonsqueezy/listed.ts';
import { listed as mollie } from '../providers/mollie/listed.ts';
import { listed as plaid } from '../providers/plaid/listed.ts';
import { listed as razorpay } from '../providers/razorpay/listed.ts';
import { listed as wise } from '../providers/wise/listed.ts';
import { listed as worldpay } from '../providers/worldpay/listed.ts';
import { listed as xendit } from '../providers/xendit/listed.ts';
import { createObjectLists, type ListedCase, type Made } from '../support/object-lists.ts';

/*
 * What processors without a list of events list instead, against what their webhooks brought: other bodies, other ids, the
 * same money. Each is asked over nock, and the rest of the way is the gateway's own, to the postings.
 */
const HOUR_MS = 3_600_000;
const AT = Math.floor(Date.now() / 1_000) * 1_000 - 2 * HOUR_MS;
let accounts = 0;
let lists: Awaited<ReturnType<typeof createObjectLists>>;

beforeAll(async () => {
  lists = await createObjectLists();
});
afterAll(() => lists.stop());

describe.each([mollie, razorpay, plaid, xendit, wise, klarna, lemonsqueezy, coinbaseCommerce, worldpay])(
  '$provider.title',
  (one: ListedCase) => {
    const all = Object.keys(one.posts).map(Number);
    const money = all.flatMap((n) => one.posts[n] ?? []).sort();

    function madeAre(made: readonly number[], of: Made): void {
      lists.answering((question) => {
        const found = one.answer(question, made, of);
        if (found === undefined) return { status: 404 };
        return { status: 200, body: typeof found === 'string' ? found : JSON.stringify(found) };
      });
    }

    async function newEndpoint(): Promise<{ endpoint: Endpoint; of: Made }> {
      accounts += 1;
      const of = { account: accounts, at: AT };
      madeAre(all, of);
      return { endpoint: await lists.newEndpoint(one.provider, one.settings(accounts)), of };
    }

    it('takes in and posts what no webhook brought, and once however often it is listed', async () => {
      const { endpoint } = await newEndpoint();
      const first = await lists.compare(endpoint);
      expect(first).toMatchObject({ status: 'done', error: null, conflicts: 0n, received: 0n });
      expect(first.filled).toBeGreaterThan(0n);
      expect(await lists.unfinished(endpoint)).toEqual([]);
      expect(await lists.posted(endpoint)).toEqual(money);
      const again = await lists.compare(endpoint);
      expect(again).toMatchObject({ status: 'done', filled: 0n, conflicts: 0n, received: first.filled });
      expect(await lists.unfinished(endpoint)).toEqual([]);
      expect(await lists.posted(endpoint)).toEqual(money);
    });

    it('counts nothing twice that its webhooks brought before', async () => {
      const { endpoint, of } = await newEndpoint();
      for (const n of all) await lists.deliver(endpoint, one.webhook(n, of));
      expect(await lists.unfinished(endpoint)).toEqual([]);
      expect(await lists.posted(endpoint)).toEqual(money);
      expect(await lists.compare(endpoint)).toMatchObject({ status: 'done', conflicts: 0n, gaps: 0n });
      expect(await lists.unfinished(endpoint)).toEqual([]);
      expect(await lists.posted(endpoint)).toEqual(money);
    });

    it('counts nothing twice that its webhooks bring later, and takes in only what is missing', async () => {
      const { endpoint, of } = await newEndpoint();
      const [first = 0, ...rest] = all;
      await lists.deliver(endpoint, one.webhook(first, of));
      expect(await lists.compare(endpoint)).toMatchObject({ status: 'done', conflicts: 0n });
      expect(await lists.unfinished(endpoint)).toEqual([]);
      expect(await lists.posted(endpoint)).toEqual(money);
      for (const n of rest) await lists.deliver(endpoint, one.webhook(n, of));
      expect(await lists.unfinished(endpoint)).toEqual([]);
      expect(await lists.posted(endpoint)).toEqual(money);
    });

    it('says which permission is missing where the key may not read', async () => {
      const { endpoint } = await newEndpoint();
      lists.answering(() => ({ status: 403, body: '{"errors":[{"detail":"secret of theirs"}]}' }));
      const refused = await lists.compare(endpoint);
      expect(refused).toMatchObject({ status: 'failed', error: expect.stringMatching(one.permission), filled: 0n });
      lists.answering(() => ({ status: 401, body: '{}' }));
      expect(await lists.compare(endpoint)).toMatchObject({
        status: 'failed',
        error: expect.stringMatching(/401.*key/),
      });
      expect(refused.error).not.toContain('secret of theirs');
    });

    it('waits as long as it is asked to, and asks again from where it was', async () => {
      const { endpoint } = await newEndpoint();
      for (const status of [429, 503]) {
        lists.answering(() => ({ status, headers: { 'retry-after': '1800' } }));
        const waits = await lists.compare(endpoint);
        expect(waits).toMatchObject({ status: 'running', error: expect.stringContaining(String(status)), filled: 0n });
      }
    });

    it('never takes a broken answer for an empty one', async () => {
      const { endpoint } = await newEndpoint();
      for (const body of ['', '<html>', '{}', 'null', ...one.nonsense]) {
        lists.answering(() => ({ status: 200, body }));
        const report = await lists.compare(endpoint);
        expect(report, body).toMatchObject({ status: 'failed', filled: 0n });
      }
    });
  },
);
