/** The plans used last, by key; older ones are dropped and made again when they are needed. */
export class PlanCache<Plan> {
  private readonly plans = new Map<string, Promise<Plan>>();

  constructor(private readonly capacity: number) {}

  get(key: string, make: () => Promise<Plan>): Promise<Plan> {
    const plan = this.plans.get(key) ?? make();
    this.plans.delete(key);
    this.plans.set(key, plan);
    plan.catch(() => this.plans.delete(key));
    if (this.plans.size > this.capacity) this.plans.delete(this.plans.keys().next().value!);
    return plan;
  }

  clear(): void {
    this.plans.clear();
  }
}
