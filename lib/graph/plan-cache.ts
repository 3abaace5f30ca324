/** The plans used last, by key; older ones are dropped and made again when they are needed. */
export class PlanCache<Plan> {
  private readonly plans = new Map<string, Promise<Plan>>();

  constructor(private readonly capacity: number) {}

  get(key: string, make: () => Promise<Plan>): Promise<Plan> {
    const plan = this.plans.get(key) ?? this.make(key, make);
    this.plans.delete(key);
    this.plans.set(key, plan);
    if (this.plans.size > this.capacity) this.plans.delete(this.plans.keys().next().value!);
    return plan;
  }

  /** Forgets all plans and returns them. */
  drain(): Promise<Plan>[] {
    const plans = [...this.plans.values()];
    this.plans.clear();
    return plans;
  }

  /** A plan that could not be made is forgotten, so that the next call tries again. */
  private make(key: string, make: () => Promise<Plan>): Promise<Plan> {
    const plan = make();
    plan.catch(() => {
      if (this.plans.get(key) === plan) this.plans.delete(key);
    });
    return plan;
  }
}
