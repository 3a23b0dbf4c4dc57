/*
 * A preload, `node --import clock-behind.ts`: the process' clock is CLOCK_BEHIND_MIN minutes behind, and each SIGUSR2 takes
 * it CLOCK_STEP_MIN minutes nearer, so that hours pass between two requests and end at the present.
 */
const MINUTE_MS = 60_000;
const stepMs = Number(process.env.CLOCK_STEP_MIN) * MINUTE_MS;
let behindMs = Number(process.env.CLOCK_BEHIND_MIN) * MINUTE_MS;

const present = Date.now;
Date.now = () => present() - behindMs;
process.on('SIGUSR2', () => {
  behindMs = Math.max(0, behindMs - stepMs);
  process.stdout.write(`the clock is ${behindMs / MINUTE_MS} minutes behind\n`);
});
