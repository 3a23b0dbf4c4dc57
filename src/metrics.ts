import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { RejectReason } from './providers/provider.ts';

/**
 * Every metric, by name. Labels are bounded: providers and endpoints are configured by a person, everything else is one
 * of the closed lists below. An event id, an address or an account as a label would grow without end.
 */
export type AckOutcome =
  | 'accepted'
  | 'duplicate'
  | 'conflict'
  | 'unreadable'
  | 'control'
  | 'rejected'
  | 'unavailable'
  | 'failed';
export type ShedLimit =
  | 'requests'
  | 'bytes'
  | 'waiting'
  | 'deadline'
  | 'database'
  | 'draining'
  | 'failed_verifications'
  | 'hints';

/** Of an acknowledgement, in their order: reading the body, the signature, the ids, waiting for a group, its commit, answering. */
type AckPhase = 'read' | 'verify' | 'identify' | 'wait' | 'commit' | 'answer';
/** `refused`: Redis answered, and not as asked (a read-only replica, a password it wants). */
export type CacheTrouble = 'slow' | 'full' | 'gone' | 'refused';

export type Metrics = ReturnType<typeof createMetrics>;

const ACK_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const PHASE_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 3];
const POSTING_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 7_200, 86_400];
const CACHE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];
const WORK_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];
const GROUP_SIZES = [1, 2, 5, 10, 20, 50, 100, 150, 200];

/** `process: false` leaves out Node's own figures, for tests that make many. */
export function createMetrics(options: { readonly process?: boolean } = {}) {
  const registry = new Registry();
  const registers = [registry];
  if (options.process !== false) collectDefaultMetrics({ register: registry, prefix: 'postern_' });

  const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
    new Counter<L>({ name, help, labelNames: [...labelNames], registers });
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers });
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name, help, buckets, registers });

  const ackPhases = new Histogram({
    name: 'postern_ack_phase_seconds',
    help: 'The phases of an acknowledgement: read, verify, identify, wait (for a group), commit, answer',
    labelNames: ['phase'],
    buckets: PHASE_SECONDS,
    registers,
  });
  const acknowledgements = counter('postern_acknowledgements_total', 'Webhook requests answered, by how', [
    'provider',
    'endpoint',
    'outcome',
  ]);
  const rejected = counter('postern_rejected_total', 'Webhook requests that did not verify, by reason', [
    'provider',
    'endpoint',
    'reason',
  ]);

  return {
    registry,

    // On the way to the acknowledgement.
    acknowledgements,
    rejected,
    ackSeconds: histogram('postern_ack_seconds', 'From the first byte of a webhook to its answer', ACK_SECONDS),
    ackPhase: boundPhases(ackPhases),
    inFlightRequests: gauge('postern_in_flight_requests', 'Webhook requests not yet answered'),
    inFlightBytes: gauge('postern_in_flight_bytes', 'Bytes of webhook bodies held'),
    shed: counter('postern_shed_total', 'Webhook requests refused with 503 or 429, by the limit that was passed', [
      'limit',
    ]),
    unknownEndpoint: counter('postern_unknown_endpoint_total', 'Webhook requests to no endpoint of ours'),
    duplicates: counter('postern_duplicates_total', 'Events that were known already', ['provider', 'endpoint']),
    conflicts: counter('postern_conflicts_total', 'Known event ids that came with other content', [
      'provider',
      'endpoint',
    ]),
    intakeGroupSize: histogram('postern_intake_group_size', 'Events written by one intake transaction', GROUP_SIZES),
    intakeSeconds: histogram('postern_intake_seconds', 'One intake transaction, from begin to COMMIT', ACK_SECONDS),
    intakeHalved: counter('postern_intake_halved_total', 'Groups that Postgres refused on data and that were halved'),
    intakePoison: counter('postern_intake_poison_total', 'Rows that Postgres refused alone: answered 500'),
    intakeRetried: counter('postern_intake_retried_total', 'Groups tried again on another connection'),
    cacheHits: counter('postern_cache_hits_total', 'Retries answered from the cache'),
    cacheMisses: counter('postern_cache_misses_total', 'Requests the cache did not know'),
    cacheEntries: gauge('postern_cache_entries', 'Entries of the duplicate cache in this process'),
    cacheConnected: gauge('postern_cache_connected', '1 while the shared cache serves; without REDIS_URL always'),
    cacheSeconds: histogram('postern_cache_seconds', 'One question to Redis', CACHE_SECONDS),
    cacheTroubles: counter('postern_cache_troubles_total', 'Questions to Redis that went without an answer, by why', [
      'why',
    ]),
    quarantined: counter('postern_quarantined_total', 'Refused requests kept for a later look', [
      'provider',
      'endpoint',
    ]),
    quarantineDropped: counter(
      'postern_quarantine_dropped_total',
      "Refused requests that looked like the processor's and were not kept, by why",
      ['why'],
    ),
    quarantineWaiting: gauge('postern_quarantine_waiting', 'Refused requests in memory that are not written yet'),
    certificateFetches: counter('postern_certificate_fetches_total', 'Signing certificates fetched, by result', [
      'result',
    ]),

    fetches: counter('postern_fetches_total', 'Objects asked of processors, by what came of it', [
      'provider',
      'outcome',
    ]),

    backfillPages: counter('postern_backfill_pages_total', 'Pages asked of processors, by what came of it', [
      'provider',
      'outcome',
    ]),
    gapEvents: counter('postern_gap_events_total', 'Events of money that no webhook brought in time; any alarms', [
      'provider',
      'endpoint',
    ]),
    backfillComparedTo: gauge(
      'postern_backfill_compared_to_seconds',
      'Until when the schedule compared everything with the processor (unix time)',
      ['provider', 'endpoint'],
    ),
    backfillLastGaps: gauge('postern_backfill_last_gaps', 'Gaps that the last scheduled backfill found', [
      'provider',
      'endpoint',
    ]),

    // Work.
    workerBatchSize: histogram('postern_worker_batch_size', 'Events taken by one worker transaction', GROUP_SIZES),
    workerSeconds: histogram('postern_worker_seconds', 'One worker transaction, from begin to COMMIT', WORK_SECONDS),
    postingSeconds: histogram(
      'postern_receipt_to_posting_seconds',
      'From the receipt of an event to the COMMIT of its postings',
      POSTING_SECONDS,
    ),
    events: counter('postern_events_total', 'Events that left the queue, by provider and state', [
      'provider',
      'status',
    ]),
    postings: counter('postern_postings_total', 'Lines written to the ledger'),
    sealedTransactions: gauge('postern_log_size', 'Transactions and audit entries sealed in the log'),
    unsealedTransactions: gauge(
      'postern_log_unsealed',
      'Transactions and audit entries not sealed yet, counted up to 10,000',
    ),
    sealLagSeconds: gauge('postern_log_lag_seconds', 'Age of the oldest transaction or audit entry that is not sealed'),
    reconciledTransactions: counter(
      'postern_reconciled_transactions_total',
      'Transactions whose open items were looked at',
    ),
    reconcileLagSeconds: gauge(
      'postern_reconcile_lag_seconds',
      'Age of the oldest transaction whose open items were not looked at',
    ),
    reconcileDifferences: gauge(
      'postern_reconcile_differences',
      'Open items that the nightly reckoning from the postings alone found otherwise than they are kept',
    ),
    effectConflicts: counter('postern_effect_conflicts_total', 'Effect keys told again with other content'),
    retries: counter('postern_retries_total', 'Events put back for another attempt', ['provider']),
    workerHalved: counter('postern_worker_halved_total', 'Worker batches halved to find a poison event'),
    serializationFailures: counter('postern_serialization_failures_total', 'Deadlocks and serialization failures', [
      'sqlstate',
    ]),
    sweptEvents: counter('postern_swept_events_total', 'Queued events without a live job that got a new one'),
    dismissedEvents: counter('postern_dismissed_events_total', 'Dead letters that a person put away'),
    wokenEvents: counter('postern_woken_events_total', 'Parked events that were sent on'),
    takenUp: counter('postern_taken_up_total', 'Events taken over from a worker that died'),
    queue: gauge('postern_queue_events', 'Unfinished events (or files), by queue and state', ['queue', 'status']),
    queueOldestSeconds: gauge('postern_queue_oldest_seconds', 'Age of the oldest that is due', ['queue']),
    queueRateIn: gauge('postern_queue_in_per_second', 'What came, over the last one to two minutes', ['queue']),
    queueRateOut: gauge('postern_queue_out_per_second', 'What left, over the last one to two minutes', ['queue']),
    queueDrainSeconds: gauge('postern_queue_drain_seconds', 'Until it is empty at these rates; +Inf: never', ['queue']),
    queuePaused: gauge('postern_queue_paused', '1 while somebody has paused it', ['queue']),
    statsAge: gauge('postern_queue_stats_age_seconds', 'Since these figures were read from the database'),

    // Endpoints, from the database: every instance tells the same.
    lastEventAt: gauge('postern_endpoint_last_event_seconds', 'When the last webhook came (unix time)', [
      'provider',
      'endpoint',
    ]),
    silenceExpected: gauge(
      'postern_endpoint_expected_silence_seconds',
      'Three times the largest gap of the last seven days, at least ten minutes',
      ['provider', 'endpoint'],
    ),
    endpointDay: gauge('postern_endpoint_day_count', 'What an endpoint was told in the last 24 hours, by kind', [
      'provider',
      'endpoint',
      'kind',
    ]),
    eventsAtRisk: gauge('postern_events_at_risk', 'Events that are deferred, dead, or queued for over a minute', [
      'provider',
      'endpoint',
    ]),
    amountAtRisk: gauge('postern_amount_at_risk_minor_units', 'The money of those, where it could be read', [
      'provider',
      'endpoint',
      'currency',
    ]),
    dropOffAt: gauge(
      'postern_drop_off_seconds',
      'When the processor would stop sending the oldest of those again (unix time)',
      ['provider', 'endpoint'],
    ),

    replayedEvents: counter('postern_replayed_events_total', 'Events run again, by what came of it', ['outcome']),
    replaySeconds: histogram('postern_replay_seconds', 'One replay transaction, from begin to COMMIT', WORK_SECONDS),
    replayStandstill: gauge('postern_replay_standstill', '1 while replays wait for live events to be through'),

    // What services ask.
    requests: counter('postern_requests_total', 'Transfers and refunds that services asked for, by what came of it', [
      'kind',
      'outcome',
    ]),
    requestGroupSize: histogram('postern_request_group_size', 'Requests worked by one transaction', GROUP_SIZES),
    requestSeconds: histogram('postern_request_seconds', 'One group of requests, from begin to COMMIT', ACK_SECONDS),
    requestsHalved: counter('postern_requests_halved_total', 'Groups of requests halved to find the guilty one'),
    reconciliations: counter('postern_account_reconciliations_total', 'Accounts recomputed, by what came of it', [
      'outcome',
    ]),

    // The house.
    housekeepingLateness: gauge(
      'postern_housekeeping_late_intervals',
      'Intervals since a task last ran without an error; more than 3 alarms',
      ['task'],
    ),
    forgottenEvents: counter('postern_forgotten_events_total', 'Event rows past their horizon that were forgotten'),
    housekeepingErrors: counter('postern_housekeeping_errors_total', 'Housekeeping runs that failed', ['task']),
    booksWrong: gauge('postern_books_wrong', '1 where the last daily proof of the books found something wrong'),
    booksVerifiedAt: gauge('postern_books_verified_seconds', 'When the books were last proved right (unix time)'),
    diskFreeRatio: gauge('postern_data_disk_free_ratio', 'Free part of the disk that holds the data folder'),
    databaseUp: gauge('postern_database_up', '1 while the database answers'),
    poolWaiting: gauge('postern_pool_waiting', 'Callers that wait for a connection', ['pool']),
    endpointsAge: gauge('postern_endpoints_age_seconds', 'Since endpoints and secrets were last read'),
    apiRequests: counter('postern_api_requests_total', 'API requests, by route and class of status', [
      'route',
      'status',
    ]),

    /** The counters of one endpoint, bound once: label hashing per request would cost more than the count. */
    forEndpoint: createEndpointCounters(acknowledgements, rejected),
  };
}

/** Bound once: this is six times a request. */
function boundPhases(histogram: Histogram<'phase'>): Readonly<Record<AckPhase, (ms: number) => void>> {
  const of = (phase: AckPhase): ((ms: number) => void) => {
    const child = histogram.labels(phase);
    return (ms) => child.observe(ms / 1000);
  };
  return {
    read: of('read'),
    verify: of('verify'),
    identify: of('identify'),
    wait: of('wait'),
    commit: of('commit'),
    answer: of('answer'),
  };
}

export type EndpointCounters = {
  readonly acknowledged: (outcome: AckOutcome, count?: number) => void;
  readonly rejected: (reason: RejectReason) => void;
};

type Counts = { inc(value?: number): void };

function createEndpointCounters(
  acknowledgements: Counter<'provider' | 'endpoint' | 'outcome'>,
  rejected: Counter<'provider' | 'endpoint' | 'reason'>,
): (provider: string, endpoint: string) => EndpointCounters {
  const known = new Map<string, EndpointCounters>();
  return (provider, endpoint) => {
    const key = `${provider}/${endpoint}`;
    let counters = known.get(key);
    if (counters === undefined) {
      counters = {
        acknowledged: bound<AckOutcome>((outcome) => acknowledgements.labels(provider, endpoint, outcome)),
        rejected: bound<RejectReason>((reason) => rejected.labels(provider, endpoint, reason)),
      };
      known.set(key, counters);
    }
    return counters;
  };
}

function bound<L extends string>(make: (label: L) => Counts): (label: L, count?: number) => void {
  const children = new Map<L, Counts>();
  return (label, count = 1) => {
    let child = children.get(label);
    if (child === undefined) {
      child = make(label);
      children.set(label, child);
    }
    child.inc(count);
  };
}
