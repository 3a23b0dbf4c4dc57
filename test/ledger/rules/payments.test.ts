import { describe, expect, it } from 'vitest';
import { contentOf } from '../../../src/ledger/entry.ts';
import { finalLegs } from '../../../src/ledger/payment-rules.ts';
import { draftsOf } from '../../../src/ledger/rules.ts';
import type { PaymentCaptured, PaymentEvent } from '../../../src/payment-event.ts';
import { AT, eur } from '../books.ts';
import { CONTEXT, drafted, legShown } from './shown.ts';

/*
 * What each event becomes, to the letter: the keys under which its effects stand for good, what they look at, and their
 * legs. What is left of it in the books is in ../postings.test.ts.
 */

const captured: PaymentCaptured = { type: 'payment.captured', key: 'p:captured', payment: 'p', ...eur(1000n) };
const seller = { id: 's', amount: 600n };

const CAPTURE_LEGS = ['  asset:processor_pending:t:a [p gross] EUR 1000', '  income:revenue EUR -1000'];
const AUTHORISATION_LEGS = ['  memo:authorisations:t:a [p] EUR 500', '  memo:authorisations_contra EUR -500'];
const RELEASE_LEGS = ['  memo:authorisations:t:a [p] EUR -400', '  memo:authorisations_contra EUR 400'];

const EVENTS: readonly [name: string, event: PaymentEvent, drafts: readonly string[], marketplace?: string][] = [
  [
    'an authorisation',
    { type: 'payment.authorised', key: 'told otherwise', payment: 'p', ...eur(500n) },
    ['p:authorised payment.authorised authorise(p)', ...AUTHORISATION_LEGS],
  ],
  ['a capture', captured, ['p:captured payment.captured', ...CAPTURE_LEGS]],
  [
    'a capture that passes on more than it brings',
    { ...captured, seller: { id: 's:1%', amount: 1200n }, tax: 50n },
    [
      'p:captured payment.captured',
      '  asset:processor_pending:t:a [p gross] EUR 1000',
      '  liability:seller_payable:s%3A1%25 EUR -1200',
      '  liability:tax_payable EUR -50',
      '  income:revenue EUR 250',
    ],
  ],
  [
    'a capture on an account whose refunds are split',
    { ...captured, seller },
    [
      'p:captured payment.captured sold(p)',
      '  asset:processor_pending:t:a [p gross] EUR 1000',
      '  liability:seller_payable:s EUR -600',
      '  income:revenue EUR -400',
    ],
    'on_capture',
  ],
  ['a capture on an account of transfers', captured, ['p:captured payment.captured', ...CAPTURE_LEGS], 'on_transfer'],
  [
    'an assumed capture',
    { ...captured, captureMode: 'assumed', authorisation: { amount: 400n, final: true } },
    ['p:captured payment.captured assumed_capture(p, 1000, EUR)', ...CAPTURE_LEGS],
  ],
  [
    'a capture that proves the payment manual',
    { ...captured, captureMode: 'proves_manual' },
    ['p:manual payment.manual proves_manual(p)', 'p:captured payment.captured', ...CAPTURE_LEGS],
  ],
  [
    'a capture of a part of what is authorised',
    { ...captured, authorisation: { amount: 400n, final: false } },
    [
      'p:captured payment.captured',
      ...CAPTURE_LEGS,
      'p:memo_release:p:captured memo.released release(p, 400, null)',
      ...RELEASE_LEGS,
    ],
  ],
  [
    'the last capture of an authorisation',
    { ...captured, authorisation: { amount: 400n, final: true } },
    ['p:captured payment.captured', ...CAPTURE_LEGS, 'p:memo_final memo.final final(p)'],
  ],
  [
    'a capture of an authorisation that is another object',
    { ...captured, authorisation: { id: 'auth', amount: 400n, final: false } },
    [
      'p:captured payment.captured',
      ...CAPTURE_LEGS,
      'auth:memo_release:p:captured memo.released release(auth, 400, null)',
      '  memo:authorisations:t:a [auth] EUR -400',
      '  memo:authorisations_contra EUR 400',
    ],
  ],
  [
    'the last capture of an authorisation that is another object',
    { ...captured, authorisation: { id: 'auth', amount: 400n, final: true } },
    ['p:captured payment.captured', ...CAPTURE_LEGS, 'auth:memo_final memo.final final(auth)'],
  ],
  [
    'a running total',
    { ...captured, key: 'p:captured:1000', runningTotal: true },
    ['p:captured:1000 payment.captured running_total(p, 1000, p:captured:)', ...CAPTURE_LEGS],
  ],
  [
    'a running total of a part of what is authorised',
    { ...captured, key: 'p:captured:1000', runningTotal: true, authorisation: { amount: 400n, final: false } },
    [
      'p:captured:1000 payment.captured running_total(p, 1000, p:captured:)',
      ...CAPTURE_LEGS,
      'p:memo_release:400 memo.released release(p, 400, p:memo_release:)',
      ...RELEASE_LEGS,
    ],
  ],
  [
    'a capture taken back',
    { type: 'payment.reversed', key: 'p:reversed', payment: 'p', ...eur(1000n) },
    ['p:reversed payment.reversed', '  asset:processor_pending:t:a [p gross] EUR -1000', '  income:revenue EUR 1000'],
  ],
  [
    'a capture taken back, with the capture',
    { type: 'payment.reversed', key: 'p:reversed', payment: 'p', captureKey: 'p:captured', ...eur(1000n) },
    [
      'p:captured payment.captured',
      ...CAPTURE_LEGS,
      'p:reversed payment.reversed',
      '  asset:processor_pending:t:a [p gross] EUR -1000',
      '  income:revenue EUR 1000',
    ],
    'on_transfer',
  ],
  [
    'a capture taken back, with the capture, where refunds are split',
    { type: 'payment.reversed', key: 'p:reversed', payment: 'p', captureKey: 'p:captured', seller, ...eur(1000n) },
    [
      'p:captured payment.captured sold(p)',
      '  asset:processor_pending:t:a [p gross] EUR 1000',
      '  liability:seller_payable:s EUR -600',
      '  income:revenue EUR -400',
      'p:reversed payment.reversed',
      '  asset:processor_pending:t:a [p gross] EUR -1000',
      '  liability:seller_payable:s EUR 600',
      '  income:revenue EUR 400',
    ],
    'on_capture',
  ],
  [
    'a payment that failed',
    { type: 'payment.failed', key: 'p:failed', payment: 'p', currency: 'EUR', at: AT + 7 },
    [`p:memo_final memo.final at ${AT + 7} final(p)`],
  ],
  [
    'a cancellation that proves the payment manual',
    { type: 'payment.cancelled', key: 'p:x', payment: 'p', currency: 'EUR', at: AT + 7, captureMode: 'proves_manual' },
    [`p:manual payment.manual at ${AT + 7} proves_manual(p)`, `p:memo_final memo.final at ${AT + 7} final(p)`],
  ],
  [
    'tax known later',
    { type: 'payment.tax_known', key: 'i:tax', payment: 'p', ...eur(190n) },
    ['i:tax payment.tax_known', '  income:revenue EUR 190', '  liability:tax_payable EUR -190'],
  ],
  ...(['payment', 'refund'] as const).map((of): [string, PaymentEvent, string[]] => [
    `a fee of a ${of}`,
    { type: 'payment.fee_known', key: 'x:fee', reference: 'ref', of, ...eur(29n) },
    [
      'x:fee payment.fee_known fee_announced(ref)',
      '  expense:processing_fees:t:a EUR 29',
      '  asset:processor_pending:t:a [ref fee] EUR -29',
    ],
  ]),
  [
    'a fee of a dispute',
    { type: 'payment.fee_known', key: 'x:fee', reference: 'd', of: 'dispute', ...eur(-1500n) },
    [
      'x:fee payment.fee_known fee_announced(d)',
      '  expense:dispute_fees EUR -1500',
      '  asset:processor_pending:t:a [d fee] EUR 1500',
    ],
  ],
  [
    'a fee of nothing, which announces nothing',
    { type: 'payment.fee_known', key: 'x:fee', reference: 'p', of: 'payment', ...eur(0n) },
    ['x:fee payment.fee_known'],
  ],
  [
    'a platform fee',
    { type: 'platform_fee.created', key: 'f:created', fee: 'f', ...eur(70n) },
    [
      'f:created platform_fee.created',
      '  asset:processor_pending:t:a [f gross] EUR 70',
      '  income:platform_fees EUR -70',
    ],
  ],
  [
    'a platform fee given back',
    { type: 'platform_fee.refunded', key: 'f:refunded', fee: 'f', ...eur(70n) },
    [
      'f:refunded platform_fee.refunded',
      '  asset:processor_pending:t:a [f gross] EUR -70',
      '  income:platform_fees EUR 70',
    ],
  ],
  [
    'a transfer',
    { type: 'transfer.created', key: 'tr:created', transfer: 'tr', seller: 's', ...eur(600n) },
    [
      'tr:created transfer.created',
      '  liability:seller_payable:s EUR 600',
      '  asset:processor_pending:t:a [tr gross] EUR -600',
    ],
    'on_capture',
  ],
  [
    'a transfer that is the sale',
    { type: 'transfer.created', key: 'tr:created', transfer: 'tr', seller: 's', ...eur(600n) },
    [
      'tr:created transfer.created',
      '  liability:seller_payable:s EUR 600',
      '  asset:processor_pending:t:a [tr gross] EUR -600',
      '  income:revenue EUR 600',
      '  liability:seller_payable:s EUR -600',
    ],
    'on_transfer',
  ],
  [
    'a transfer taken back that was the sale',
    { type: 'transfer.reversed', key: 'trr:created', transfer: 'trr', seller: 's', ...eur(600n) },
    [
      'trr:created transfer.reversed',
      '  liability:seller_payable:s EUR -600',
      '  asset:processor_pending:t:a [trr gross] EUR 600',
      '  income:revenue EUR -600',
      '  liability:seller_payable:s EUR 600',
    ],
    'on_transfer',
  ],
  [
    'a dispute',
    { type: 'dispute.withdrawn', key: 'd:1', dispute: 'd', ...eur(1000n) },
    [
      'd:1 dispute.withdrawn',
      '  asset:disputes_receivable:t:a [d] EUR 1000',
      '  asset:processor_pending:t:a [d gross] EUR -1000',
    ],
  ],
  [
    'a dispute given back, named by the payment disputed',
    { type: 'dispute.reinstated', key: 'p:2', dispute: 'p', component: 'dispute', ...eur(1000n) },
    [
      'p:2 dispute.reinstated',
      '  asset:disputes_receivable:t:a [p] EUR -1000',
      '  asset:processor_pending:t:a [p dispute] EUR 1000',
    ],
  ],
  [
    'a dispute lost',
    { type: 'dispute.lost', key: 'd:lost', dispute: 'd', ...eur(1000n) },
    ['d:lost dispute.lost', '  expense:dispute_losses EUR 1000', '  asset:disputes_receivable:t:a [d] EUR -1000'],
  ],
];

it.each(EVENTS)('drafts %s', (_name, event, drafts, marketplace) => {
  expect(drafted(event, marketplace ?? null)).toEqual(drafts);
});

describe('a refund', () => {
  const CREATED = ['  income:refunds EUR 300', '  liability:refunds_payable:t:a [r] EUR -300'];
  const SUCCEEDED = ['  liability:refunds_payable:t:a [r] EUR 300', '  asset:processor_pending:t:a [r gross] EUR -300'];
  const FAILED = ['  asset:processor_pending:t:a [r gross] EUR 300', '  income:refunds EUR -300'];
  const refund = (type: 'created' | 'succeeded' | 'failed', payment?: string): PaymentEvent => ({
    type: `refund.${type}`,
    key: `r:${type}`,
    refund: 'r',
    ...(payment === undefined ? {} : { payment }),
    ...eur(300n),
  });

  it('implies the steps before it', () => {
    const created = ['r:created refund.created', ...CREATED];
    const succeeded = [...created, 'r:succeeded refund.succeeded', ...SUCCEEDED];
    expect(drafted(refund('created', 'p'))).toEqual(created);
    expect(drafted(refund('succeeded', 'p'))).toEqual(succeeded);
    expect(drafted(refund('failed', 'p'))).toEqual([...succeeded, 'r:failed refund.failed', ...FAILED]);
  });

  it('looks at its payment where the account passes money on with the capture', () => {
    expect(drafted(refund('failed', 'p'), 'on_capture')).toEqual([
      'r:created refund.created split(p, r, 300, true)',
      ...CREATED,
      'r:succeeded refund.succeeded',
      ...SUCCEEDED,
      'r:failed refund.failed split(p, r, 300, false)',
      ...FAILED,
    ]);
  });

  it('looks at nothing where its payment is not told, or nothing is passed on with captures', () => {
    const created = ['r:created refund.created', ...CREATED];
    expect(drafted(refund('created'), 'on_capture')).toEqual(created);
    expect(drafted(refund('created', 'p'), 'on_transfer')).toEqual(created);
  });
});

describe('a payout', () => {
  const payout = (type: 'created' | 'failed' | 'cancelled' | 'returned', amount: bigint): PaymentEvent => ({
    type: `payout.${type}`,
    key: `po:${type}`,
    payout: 'po',
    ...eur(amount),
  });
  const CREATED = [
    'po:created payout.created paid_out(po)',
    '  asset:bank_in_transit:t:a [po] EUR 900',
    '  asset:processor_balance:t:a [po] EUR -900',
  ];

  it('moves what is paid out into transit', () => expect(drafted(payout('created', 900n))).toEqual(CREATED));

  it.each(['failed', 'cancelled', 'returned'] as const)(
    'that is %s implies that it was made, and takes it back',
    (end) => {
      expect(drafted(payout(end, 900n))).toEqual([
        ...CREATED,
        `po:${end} payout.${end} undone(po)`,
        '  asset:bank_in_transit:t:a [po] EUR -900',
        '  asset:processor_balance:t:a [po] EUR 900',
      ]);
    },
  );

  it('of nothing looks at nothing, also one that failed', () => {
    expect(drafted(payout('failed', 0n))).toEqual(['po:created payout.created', 'po:failed payout.failed']);
  });

  it('of nothing on one side still moves what is on the other', () => {
    expect(drafted({ ...payout('created', 0n), settled: { amount: 5n, currency: 'USD' } } as PaymentEvent)).toEqual([
      'po:created payout.created',
      '  asset:bank_in_transit:t:a [po] USD 5',
      '  asset:fx_position USD -5',
    ]);
  });

  it('in another currency goes through the exchange position', () => {
    expect(
      drafted({ ...payout('returned', 900n), settled: { amount: 1080n, currency: 'USD' } } as PaymentEvent),
    ).toEqual([
      'po:created payout.created paid_out(po)',
      '  asset:bank_in_transit:t:a [po] USD 1080',
      '  asset:fx_position USD -1080',
      '  asset:fx_position EUR 900',
      '  asset:processor_balance:t:a [po] EUR -900',
      'po:returned payout.returned undone(po)',
      '  asset:bank_in_transit:t:a [po] USD -1080',
      '  asset:fx_position USD 1080',
      '  asset:fx_position EUR -900',
      '  asset:processor_balance:t:a [po] EUR 900',
    ]);
  });

  it('settled in its own currency needs no exchange', () => {
    expect(drafted({ ...payout('created', 900n), settled: { amount: 900n, currency: 'EUR' } } as PaymentEvent)).toEqual(
      CREATED,
    );
  });
});

it('has no rule for an event that nobody knows', () => {
  const unknown = { ...captured, type: 'payment.teleported' } as unknown as PaymentEvent;
  expect(() => drafted(unknown)).toThrow(expect.objectContaining({ code: 'internal' }));
});

describe('a final release', () => {
  it('gives back what is open in each currency, and nothing where nothing is', () => {
    const open = new Map([
      ['EUR', 500n],
      ['JPY', 0n],
      ['USD', -3n],
    ]);
    expect(finalLegs('p', open, CONTEXT).map(legShown)).toEqual([
      '  memo:authorisations:t:a [p] EUR -500',
      '  memo:authorisations_contra EUR 500',
      '  memo:authorisations:t:a [p] USD 3',
      '  memo:authorisations_contra USD -3',
    ]);
    expect(finalLegs('p', new Map(), CONTEXT)).toEqual([]);
  });

  it('and the proof that a payment is manual tell no lines: their content is a word that must stay', () => {
    const told = { key: 'p:x', payment: 'p', currency: 'EUR', at: AT, captureMode: 'proves_manual' } as const;
    const contents = draftsOf({ type: 'payment.cancelled', ...told }, CONTEXT).map(({ content }) => content);
    expect(contents).toEqual([contentOf([], 'manual'), contentOf([], 'final')]);
  });
});
