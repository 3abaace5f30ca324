interface TimedStep {
  readonly step: number;
  readonly steps: number;
  readonly seconds: number;
}

/** When a step is worth a line, and how long the rest takes. */
export class StepClock {
  private seconds: number | undefined;
  private shown = 0;

  /** The first and the last step, and one every two seconds. */
  isDue({ step, steps, seconds }: TimedStep): boolean {
    this.seconds = this.seconds === undefined ? seconds : 0.9 * this.seconds + 0.1 * seconds;
    const now = performance.now();
    if (this.shown > 0 && step < steps && now - this.shown < 2000) return false;
    this.shown = now;
    return true;
  }

  left({ step, steps }: TimedStep): number {
    return (steps - step) * (this.seconds ?? 0);
  }
}
