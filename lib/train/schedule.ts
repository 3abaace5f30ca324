/** How a learning rate changes over a run. */
export interface Schedule {
  /** The rate after the warm-up. */
  readonly rate: number;
  /** The rate at the end. */
  readonly finalRate: number;
  readonly warmupSteps: number;
  readonly steps: number;
}

/** The rate of a step (from 1): a straight rise, then half a cosine down. */
export function rateAt({ rate, finalRate, warmupSteps, steps }: Schedule, step: number): number {
  if (step <= warmupSteps) return (rate * step) / warmupSteps;
  const done = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  return finalRate + ((rate - finalRate) * (1 + Math.cos(Math.PI * done))) / 2;
}
