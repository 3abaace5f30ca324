/** The plans used last, by key; older ones are closed and made again when they are needed. */

/** What has to be given back. */
export interface Closable {
  close(): void;
}

interface Entry<Plan> {
  readonly plan: Promise<Plan>;
  uses: number;
  dropped: boolean;
}

export class PlanCache<Plan extends Closable> {
  private readonly entries = new Map<string, Entry<Plan>>();

  constructor(private readonly capacity: number) {}

  /** Works with the plan of `key`, which is made where there is none and not closed meanwhile. */
  async use<Result>(
    key: string,
    make: () => Promise<Plan>,
    work: (plan: Plan) => Result | Promise<Result>,
  ): Promise<Result> {
    const entry = this.entries.get(key) ?? { plan: make(), uses: 0, dropped: false };
    this.entries.delete(key);
    this.entries.set(key, entry);
    entry.uses++;
    if (this.entries.size > this.capacity) this.drop(this.entries.keys().next().value!);
    let plan: Plan;
    try {
      plan = await entry.plan;
    } catch (error) {
      // Forgotten, so that the next call tries again.
      if (this.entries.get(key) === entry) this.entries.delete(key);
      throw error;
    }
    try {
      return await work(plan);
    } finally {
      entry.uses--;
      if (entry.dropped && entry.uses === 0) plan.close();
    }
  }

  /** Closes all plans, those in use as soon as they are not. */
  clear(): void {
    for (const key of [...this.entries.keys()]) this.drop(key);
  }

  private drop(key: string): void {
    const entry = this.entries.get(key)!;
    this.entries.delete(key);
    entry.dropped = true;
    if (entry.uses === 0) void entry.plan.then((plan) => plan.close());
  }
}
