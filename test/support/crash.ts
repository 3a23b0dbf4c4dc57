import { createRandom } from '../../src/simulate/random.ts';
import { type Answered, type ChargesTarget, charges, createChargeSender, isAcknowledged } from './charges.ts';

/** Where gateways are killed: something that starts one which serves and works, on the same database each time. */
export type CrashSite = {
  start(): Promise<{ readonly url: string; kill(): Promise<void> }>;
  /** Its endpoint, where it is not the tests' own. */
  readonly target?: ChargesTarget;
};

export type CrashPlan = {
  readonly kills: number;
  readonly seed: string;
  /** New events a round; those that got no answer are sent again in the next. */
  readonly eventsARound: number;
  /** The longest a gateway lives after it listens. */
  readonly lifeMsMax: number;
  readonly onKill?: (killed: number, answered: number) => void;
};

export type CrashOutcome = {
  /** Ids that got a 2xx. */
  readonly answered: ReadonlySet<string>;
  /** The others, with their bodies: to be sent again. */
  readonly unanswered: ReadonlyMap<string, string>;
  /** Kills with requests in flight. */
  readonly inFlight: number;
  /** Answers that are neither 2xx nor 503. */
  readonly odd: readonly Answered[];
};

const CONNECTIONS = 32;

/** A gateway under load is killed with SIGKILL at a moment of chance, again and again, and remembers who was answered. */
export async function crashAgainAndAgain(site: CrashSite, plan: CrashPlan): Promise<CrashOutcome> {
  const random = createRandom(plan.seed);
  const answered = new Set<string>();
  const unanswered = new Map<string, string>();
  const odd: Answered[] = [];
  let inFlight = 0;
  for (let round = 1; round <= plan.kills; round += 1) {
    const tag = `${plan.seed.replaceAll(/\W/g, '')}r${round}`;
    for (const [id, body] of charges(tag, plan.eventsARound)) unanswered.set(id, body);
    const gateway = await site.start();
    const load = startLoad(gateway.url, site.target, new Map(unanswered), (answer) => {
      if (isAcknowledged(answer)) {
        answered.add(answer.id);
        unanswered.delete(answer.id);
      } else if (answer.status !== 503) odd.push(answer);
    });
    // Not to wait for something: the moment of the kill is what chance decides here.
    await new Promise((resolve) => setTimeout(resolve, random.between(1, plan.lifeMsMax)));
    if (load.inFlight() > 0) inFlight += 1;
    await gateway.kill();
    await load.ended;
    plan.onKill?.(round, answered.size);
  }
  return { answered, unanswered, inFlight, odd };
}

/** Sends each body and then all again, as duplicates, until the gateway is gone. */
function startLoad(
  origin: string,
  target: ChargesTarget | undefined,
  bodies: ReadonlyMap<string, string>,
  onAnswer: (answer: Answered) => void,
): { inFlight(): number; readonly ended: Promise<void> } {
  const sender = createChargeSender(origin, CONNECTIONS, target);
  const all = [...bodies];
  let next = 0;
  let flying = 0;
  let gone = false;
  async function sendSome(): Promise<void> {
    while (!gone) {
      const one = all[next % all.length];
      if (one === undefined) return;
      next += 1;
      flying += 1;
      const answer = await sender.send(...one);
      flying -= 1;
      if (answer.status === 0) gone = true;
      else onAnswer(answer);
    }
  }
  const ended = Promise.all(Array.from({ length: CONNECTIONS }, sendSome)).then(() => sender.close());
  return { inFlight: () => flying, ended };
}
