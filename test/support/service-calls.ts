import { ADMIN_TOKEN } from './gateway.ts';

type Problem = { detail: string; errors?: { path: string; message: string }[] };
export type Told = {
  status: string;
  idempotencyKey: string;
  messageId: string | null;
  pollUrl: string;
  transaction: { id: string; kind: string; postings: { account: string; direction: string; amount: string }[] } | null;
  error: { code: string; message: string } | null;
} & Problem;

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: Told };

export type Transfer = {
  readonly from?: string;
  readonly to?: string;
  /** As it stands in the JSON: `"100.00"` with its quotes, or a number. */
  readonly amount?: string;
  readonly currency?: string;
  readonly key?: string | null;
};

export type ServiceCalls = {
  post(path: string, body: string, headers?: Record<string, string>): Promise<Answer>;
  get(path: string): Promise<Answer>;
  transfer(transfer: Transfer, headers?: Record<string, string>): Promise<Answer>;
  refund(id: string, key: string, amount?: string): Promise<Answer>;
  result(key: string): Promise<Answer>;
  /** Sends it and tells the id of its transaction. */
  made(transfer: Transfer): Promise<string>;
  balance(account: string, currency?: string): Promise<string | undefined>;
};

const PATIENCE = 20;

/**
 * What services ask of the gateways at these addresses, in turn. `patient`: what is answered 503 is sent again, as a service
 * does, so that a busy machine changes nothing but the time.
 */
export function serviceCalls(
  origins: readonly string[],
  { token = ADMIN_TOKEN, patient = false }: { readonly token?: string; readonly patient?: boolean } = {},
): ServiceCalls {
  let turn = 0;
  async function call(path: string, init: RequestInit = {}): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await callOnce(path, init);
      if (answer.status !== 503 || !patient || tries >= PATIENCE) return answer;
    }
  }
  async function callOnce(path: string, init: RequestInit): Promise<Answer> {
    turn += 1;
    const headers = { authorization: `Bearer ${token}`, ...init.headers };
    const response = await fetch(`${origins[turn % origins.length]}/api/v1${path}`, { ...init, headers });
    // `as`: our own gateway's answer.
    return { status: response.status, headers: response.headers, body: (await response.json()) as Told };
  }
  const post: ServiceCalls['post'] = (path, body, headers = {}) =>
    call(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  const keyed = (key: string | null | undefined): string =>
    key == null ? '' : `,"idempotencyKey":${JSON.stringify(key)}`;
  const calls: ServiceCalls = {
    post,
    get: call,
    transfer: ({ from = 'equity:opening_balances', to = 'alice', amount = '"1.00"', currency = 'EUR', key }, headers) =>
      post(
        '/transactions',
        `{"transaction":{"source_account_id":${JSON.stringify(from)},"destination_account_id":${JSON.stringify(to)},` +
          `"amount":${amount},"currency":${JSON.stringify(currency)}}${keyed(key)}}`,
        headers,
      ),
    refund: (id, key, amount) =>
      post(
        `/transactions/${id}/refund`,
        `{${amount === undefined ? '' : `"amount":${amount},`}${keyed(key).slice(1)}}`,
      ),
    result: (key) => call(`/transactions/status/${encodeURIComponent(key)}`),
    async made(transfer) {
      const { status } = await calls.transfer(transfer);
      const { body } = await calls.result(transfer.key ?? '');
      if ((status !== 202 && status !== 200) || body.transaction === null)
        throw new Error(`${status}: ${JSON.stringify(body)}`);
      return body.transaction.id;
    },
    async balance(account, currency = 'EUR') {
      const { body } = await call(`/accounts/${encodeURIComponent(account)}/balance`);
      const { balances } = body as unknown as { balances: { currency: string; balance: string }[] };
      return balances.find((b) => b.currency === currency)?.balance;
    },
  };
  return calls;
}
