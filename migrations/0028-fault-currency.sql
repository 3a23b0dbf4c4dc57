-- release: 2
-- What a control of a report is off by, where it is an amount: in which currency, and how much.

alter table postern.settlement_faults
  add column currency text,
  add column difference numeric(38);
comment on column postern.settlement_faults.currency is 'Of a contradiction: the currency of its amounts, or of its batch; null: none is involved, or several';
comment on column postern.settlement_faults.difference is 'found − expected in minor units; null: they are no amounts';
