/** A series as promtool writes it (`0+60x600`: 600 steps of 60 up from 0), at one sample a minute. */
export type SeriesChange = Readonly<Record<string, string>>;

export type AlertCase = {
  readonly what: string;
  /** What is other than where all is well; `null` takes every series away. */
  readonly change: SeriesChange | null;
  readonly without?: string;
  readonly after: string;
  readonly alert: string;
  /** The labels of each alert that fires, beside its name and severity. */
  readonly fires: readonly Readonly<Record<string, string>>[];
};

const STEPS = 'x600';
const ENDPOINT = 'provider="stripe",endpoint="main"';
const UP = 'up{job="postern",instance="a"}';
const DISK = 'postern_data_disk_free_ratio{instance="a"}';
const ACCEPTED = `postern_acknowledgements_total{${ENDPOINT},outcome="accepted",instance="a"}`;
const MISMATCHES = `postern_rejected_total{${ENDPOINT},reason="signature_mismatch",instance="a"}`;
const FAST = 'postern_ack_seconds_bucket{le="0.05",instance="a"}';
const LAST_EVENT = `postern_endpoint_last_event_seconds{${ENDPOINT},instance="a"}`;
const EXPECTED = `postern_endpoint_expected_silence_seconds{${ENDPOINT},instance="a"}`;
const GAPS = `postern_endpoint_day_count{${ENDPOINT},kind="gaps",instance="a"}`;
const CONFLICTS = `postern_endpoint_day_count{${ENDPOINT},kind="conflicts",instance="a"}`;
const COMPARED = `postern_backfill_compared_to_seconds{${ENDPOINT},instance="a"}`;
const QUEUED = 'postern_queue_events{queue="events",status="queued",instance="a"}';
const DEAD = 'postern_queue_events{queue="events",status="dead",instance="a"}';
const OLDEST = 'postern_queue_oldest_seconds{queue="events",instance="a"}';
const DRAIN = 'postern_queue_drain_seconds{queue="events",instance="a"}';
const PAUSED = 'postern_queue_paused{queue="events",instance="a"}';
const LATE = 'postern_housekeeping_late_intervals{task="sweep_queued",instance="a"}';
const AT_RISK = `postern_events_at_risk{${ENDPOINT},instance="a"}`;
const DROP_OFF = `postern_drop_off_seconds{${ENDPOINT},instance="a"}`;
const FIGURES_AGE = 'postern_queue_stats_age_seconds{instance="a"}';
const BOOKS_WRONG = 'postern_books_wrong{instance="a"}';
const PROOF_LATE = 'postern_housekeeping_late_intervals{task="verify_books",instance="a"}';
const LOG_LAG = 'postern_log_lag_seconds{instance="a"}';

const atOther = (series: string): string => series.replace('instance="a"', 'instance="b"');

export const ALL_WELL: SeriesChange = {
  [UP]: `1${STEPS}`,
  'postern_database_up{instance="a"}': `1${STEPS}`,
  [FIGURES_AGE]: `1${STEPS}`,
  [DISK]: `0.6${STEPS}`,
  [ACCEPTED]: `0+6000${STEPS}`,
  // Some always forge.
  [MISMATCHES]: `0+1${STEPS}`,
  [FAST]: `0+6000${STEPS}`,
  'postern_ack_seconds_bucket{le="+Inf",instance="a"}': `0+6000${STEPS}`,
  [LAST_EVENT]: `0+60${STEPS}`,
  [EXPECTED]: `600${STEPS}`,
  [GAPS]: `0${STEPS}`,
  [CONFLICTS]: `0${STEPS}`,
  [COMPARED]: `0+60${STEPS}`,
  [QUEUED]: `10${STEPS}`,
  [DEAD]: `0${STEPS}`,
  [OLDEST]: `1${STEPS}`,
  [DRAIN]: `1${STEPS}`,
  [PAUSED]: `0${STEPS}`,
  [LATE]: `1${STEPS}`,
  [AT_RISK]: `0${STEPS}`,
  [BOOKS_WRONG]: `0${STEPS}`,
  [PROOF_LATE]: `0.5${STEPS}`,
  [LOG_LAG]: `0.5${STEPS}`,
};

const OF_ENDPOINT = { provider: 'stripe', endpoint: 'main' };
const OF_QUEUE = { queue: 'events' };
const once = [{}];

const fires = (
  alert: string,
  what: string,
  after: string,
  change: SeriesChange | null,
  labels: AlertCase['fires'] = once,
): AlertCase => ({ alert, what, after, change, fires: labels });
const silent = (alert: string, what: string, after: string, change: SeriesChange): AlertCase =>
  fires(alert, what, after, change, []);

export const ALERT_CASES: readonly AlertCase[] = [
  fires('PosternAway', 'nobody answers', '3m', { [UP]: `0${STEPS}` }),
  fires('PosternAway', 'there is nothing to ask', '3m', null, [{ job: 'postern' }]),
  silent('PosternAway', 'one of two is away', '9m', { [atOther(UP)]: `0${STEPS}` }),
  fires('PosternInstanceAway', 'one of two is away', '6m', { [atOther(UP)]: `0${STEPS}` }, [
    { job: 'postern', instance: 'b' },
  ]),
  silent('PosternInstanceAway', 'one was deployed', '15m', { [atOther(UP)]: '1x10 0x3 1x600' }),
  {
    ...fires('PosternFiguresMissing', 'gateways answer without figures', '12m', {}, [
      { ...OF_QUEUE, status: 'queued' },
    ]),
    without: QUEUED,
  },
  fires('PosternDatabaseAway', 'one of two cannot reach it', '13m', {
    'postern_database_up{instance="b"}': '1x10 0x600',
  }),
  silent('PosternDatabaseAway', 'it was away for half a minute', '13m', {
    'postern_database_up{instance="b"}': '1x10 0 1x600',
  }),
  fires('PosternFiguresOld', 'figures stand still', '10m', { [FIGURES_AGE]: `0+60${STEPS}` }),
  fires('PosternDiskFull', 'a tenth is free', '6m', { [DISK]: `0.09${STEPS}` }, [{ instance: 'a' }]),
  fires('PosternDiskFills', 'it is full within a day', '3h', { [DISK]: `0.45-0.0005${STEPS}` }, [{ instance: 'a' }]),
  silent('PosternDiskFills', 'it fills within weeks', '3h', { [DISK]: `0.45-0.00001${STEPS}` }),
  fires('PosternRefuses', 'one in fifty is answered 503, and none was counted before', '10m', {
    'postern_shed_total{limit="database",instance="a"}': `0+120${STEPS}`,
  }),
  silent('PosternRefuses', 'a flood of forgeries is refused', '10m', {
    'postern_shed_total{limit="failed_verifications",instance="a"}': `0+12000${STEPS}`,
  }),
  fires('PosternSlow', 'five of six take seconds', '20m', {
    [FAST]: `0+1000${STEPS}`,
    'postern_ack_seconds_bucket{le="2.5",instance="a"}': `0+6000${STEPS}`,
  }),
  fires(
    'PosternSignaturesFail',
    'a secret was changed at the processor',
    '25m',
    {
      [ACCEPTED]: '0+60x10 600x600',
      [MISMATCHES]: '0x10 0+60x600',
      [ACCEPTED.replace('accepted', 'rejected')]: '0x10 0+60x600',
    },
    [OF_ENDPOINT],
  ),
  silent('PosternSignaturesFail', 'many forge, and more do not', '25m', { [MISMATCHES]: `0+600${STEPS}` }),
  fires(
    'PosternProcessorSilent',
    'nothing comes at any of two',
    '17m',
    { [LAST_EVENT]: `0${STEPS}`, [atOther(LAST_EVENT)]: `0${STEPS}` },
    [OF_ENDPOINT],
  ),
  silent('PosternProcessorSilent', 'one of two has old figures', '17m', { [atOther(LAST_EVENT)]: `0${STEPS}` }),
  silent('PosternProcessorSilent', 'a shop is closed at night', '5h', {
    [LAST_EVENT]: `0${STEPS}`,
    [EXPECTED]: `90000${STEPS}`,
  }),
  fires('PosternGapFound', 'a backfill found what no webhook brought', '1m', { [GAPS]: `3${STEPS}` }, [OF_ENDPOINT]),
  fires('PosternNotCompared', 'the comparison gets no further', '5h', { [COMPARED]: `0${STEPS}` }, [OF_ENDPOINT]),
  fires('PosternQueueGrows', 'nothing leaves', '12m', { [OLDEST]: `0+60${STEPS}` }, [OF_QUEUE]),
  silent('PosternQueueGrows', 'somebody paused it', '12m', { [OLDEST]: `0+60${STEPS}`, [PAUSED]: `1${STEPS}` }),
  fires('PosternQueueNeverEmpty', 'more comes than leaves', '20m', { [DRAIN]: `99999${STEPS}` }, [OF_QUEUE]),
  fires('PosternQueuePaused', 'a pause was forgotten', '31m', { [PAUSED]: `1${STEPS}` }, [OF_QUEUE]),
  silent('PosternQueuePaused', 'a pause is short', '29m', { [PAUSED]: `1${STEPS}` }),
  fires('PosternHousekeepingLate', 'no process works', '5m', { [LATE]: `0+4${STEPS}` }, [{ task: 'sweep_queued' }]),
  fires('PosternDeadLetters', 'an event died', '15m', { [DEAD]: '0x5 1x600' }),
  silent('PosternManyDeadLetters', 'an event died', '15m', { [DEAD]: '0x5 1x600' }),
  fires('PosternManyDeadLetters', 'one type dies', '10m', { [DEAD]: '0x5 0+200x600' }),
  fires('PosternMoneyDropsOff', 'two hours are left', '10m', { [AT_RISK]: `312${STEPS}`, [DROP_OFF]: `7800${STEPS}` }, [
    OF_ENDPOINT,
  ]),
  silent('PosternMoneyDropsOff', 'days are left', '10m', { [AT_RISK]: `312${STEPS}`, [DROP_OFF]: `260000${STEPS}` }),
  silent('PosternMoneyDropsOff', 'what is parked dropped off long ago', '10m', {
    [AT_RISK]: `312${STEPS}`,
    [DROP_OFF]: `10${STEPS}`,
  }),
  fires('PosternConflicts', 'other content came under a known id', '1m', { [CONFLICTS]: `1${STEPS}` }, [OF_ENDPOINT]),
  fires('PosternBooksWrong', 'a proof failed', '1m', { [BOOKS_WRONG]: `1${STEPS}` }),
  fires('PosternBooksNotProved', 'nobody proves them', '12m', { [PROOF_LATE]: `3.5${STEPS}` }),
  silent('PosternHousekeepingLate', 'only the daily proof is late', '12m', { [PROOF_LATE]: `3.5${STEPS}` }),
  fires('PosternLogBehind', 'nobody seals', '6m', { [LOG_LAG]: `90${STEPS}` }),
];
