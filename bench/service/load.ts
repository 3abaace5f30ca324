/** Requests sent to a server on this machine, and how long their answers took. */
import { setTimeout as sleep } from "node:timers/promises";

export interface LoadResult {
  /** Milliseconds from the moment at which a request was due to the last byte of its answer, of accepted ones. */
  readonly latencies: readonly number[];
  /** Requests that were answered with 429. */
  readonly refused: number;
  /** Seconds from the first request to the last answer. */
  readonly seconds: number;
}

/** Sends one request and reads its answer; returns the status. */
export type Send = () => Promise<number>;

/** Keeps `clients` requests under way until `requests` are sent or `maxSeconds` have passed. */
export async function closedLoad(
  send: Send,
  { clients, requests, maxSeconds }: { clients: number; requests: number; maxSeconds: number },
): Promise<LoadResult> {
  const log = new Log();
  let left = requests;
  const client = async () => {
    while (left-- > 0 && log.seconds < maxSeconds) await log.time(performance.now(), send);
  };
  await Promise.all(Array.from({ length: clients }, client));
  return log.result();
}

/**
 * Sends requests at random moments, `rate` a second on average, whether or not earlier ones are answered. A late start
 * counts as latency, so that a busy machine cannot hide it.
 */
export async function openLoad(
  send: Send,
  { rate, requests, maxSeconds, seed = 1 }: { rate: number; requests: number; maxSeconds: number; seed?: number },
): Promise<LoadResult> {
  const log = new Log();
  const random = randomShares(seed);
  const answers: Promise<void>[] = [];
  let due = performance.now();
  for (let i = 0; i < requests && log.seconds < maxSeconds; i++) {
    due += (-Math.log(1 - random()) / rate) * 1000;
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait);
    answers.push(log.time(due, send));
  }
  await Promise.all(answers);
  return log.result();
}

class Log {
  private readonly start = performance.now();
  private readonly latencies: number[] = [];
  private refused = 0;

  get seconds(): number {
    return (performance.now() - this.start) / 1000;
  }

  async time(due: number, send: Send): Promise<void> {
    const status = await send();
    if (status === 200) this.latencies.push(performance.now() - due);
    else if (status === 429) this.refused++;
    else throw new Error(`The server answered with ${status}`);
  }

  result(): LoadResult {
    return { latencies: this.latencies, refused: this.refused, seconds: this.seconds };
  }
}

/** Numbers from 0 to below 1, the same for the same seed. */
function randomShares(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
