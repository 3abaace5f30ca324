import { HttpFailure } from "./failures.js";

/** How much the newest interval counts in the estimate of the pace. */
const NEWEST = 0.2;

/** Lets in as many requests as may be under way at a time. */
export class Admission {
  private readonly underWay = new Set<AbortController>();
  private secondsPerRequest = 0.1;
  private lastEnd: number | undefined;
  private stopping = false;

  constructor(private readonly most: number) {}

  get active(): number {
    return this.underWay.size;
  }

  get stopped(): boolean {
    return this.stopping;
  }

  /** Lets a request in until `leave` is called. Throws HttpFailure 429 when full, 503 when stopping. */
  enter(): AbortController {
    if (this.stopping) throw stoppingFailure();
    if (this.underWay.size >= this.most) {
      const message = `${this.most} requests are under way; try again later`;
      throw new HttpFailure(429, "ERR_SERVER_FULL", message, this.secondsUntilFree());
    }
    if (this.underWay.size === 0) this.lastEnd = performance.now();
    const request = new AbortController();
    this.underWay.add(request);
    return request;
  }

  leave(request: AbortController): void {
    if (!this.underWay.delete(request)) return;
    const now = performance.now();
    const interval = (now - (this.lastEnd ?? now)) / 1000;
    this.lastEnd = now;
    this.secondsPerRequest += NEWEST * (interval - this.secondsPerRequest);
  }

  /** Lets nobody in any more. */
  stop(): void {
    this.stopping = true;
  }

  /** Gives up what is under way. */
  abort(): void {
    for (const request of this.underWay) request.abort(stoppingFailure());
  }

  /** Whole seconds until those under way are done, at the pace of late. */
  private secondsUntilFree(): number {
    return Math.max(1, Math.ceil(this.underWay.size * this.secondsPerRequest));
  }
}

function stoppingFailure(): HttpFailure {
  return new HttpFailure(503, "ERR_SERVER_STOPPING", "The server is stopping; ask another one", 1);
}
