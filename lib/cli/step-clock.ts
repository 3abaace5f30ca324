import { formatDuration } from "./units.js";

interface TimedStep {
  readonly step: number;
  readonly steps: number;
  readonly seconds: number;
  readonly speed: number;
  readonly waits: number;
  readonly dataWait: number;
}

/** When a step is worth a line, how fast it was, and how long the rest takes. */
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

  describe({ step, steps, seconds, speed, waits, dataWait }: TimedStep): string[] {
    return [
      `${(1 / seconds).toPrecision(3)} steps/s`,
      `${speed.toPrecision(3)} h of audio per hour`,
      `${formatDuration((steps - step) * (this.seconds ?? 0))} left`,
      ...(waits > 1 ? [`waited ${waits} times for data, ${dataWait.toFixed(3)} s now`] : []),
    ];
  }
}
