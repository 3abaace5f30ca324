/** The windowed sinc (Hann window, 6 zero crossings, roll-off 0.99), equal to torchaudio's default. */
import { invalidArgument } from "../errors.js";

const ZERO_CROSSINGS = 6;
const ROLL_OFF = 0.99;

/** Rates divided by their greatest common divisor, and the reach of the kernel in input samples. */
export class Ratio {
  readonly down: number;
  readonly up: number;
  readonly reach: number;
  private readonly cutoff: number;

  /** Throws ERR_LMSPT_INVALID_ARGUMENT unless both are positive integers. */
  constructor(from: number, to: number) {
    for (const rate of [from, to]) {
      if (!Number.isSafeInteger(rate) || rate < 1) throw invalidArgument("a sample rate", "a positive integer", rate);
    }
    const divisor = greatestCommonDivisor(from, to);
    this.down = from / divisor;
    this.up = to / divisor;
    this.cutoff = Math.min(this.down, this.up) * ROLL_OFF;
    this.reach = Math.ceil((ZERO_CROSSINGS * this.down) / this.cutoff);
  }

  get taps(): number {
    return 2 * this.reach + this.down;
  }

  /** The weight of the input sample `tap` (counted from `reach` before the block) in the output of a phase. */
  weight(phase: number, tap: number): number {
    const limit = ZERO_CROSSINGS;
    const time = this.cutoff * (-phase / this.up + (tap - this.reach) / this.down);
    const t = Math.min(limit, Math.max(-limit, time));
    const window = Math.cos((t * Math.PI) / limit / 2) ** 2;
    const sinc = t === 0 ? 1 : Math.sin(t * Math.PI) / (t * Math.PI);
    return (sinc * window * this.cutoff) / this.down;
  }

  outputLength(samples: number): number {
    return Math.ceil((samples * this.up) / this.down);
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
